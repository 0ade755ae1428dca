/*
 * Log lines about what others send: as many may come as the others please, so each kind is told once in a while only.
 */
import type { LogLevel } from './effect.ts';
import { log, type State, type World } from './state.ts';

const TELL_AGAIN_MS = 10_000;

/** One line of a kind, unless there was one lately. The kinds are few and fixed: nothing that was sent is part of one. */
export function logRarely(
  state: State,
  { kind, level, text }: { kind: 'epoch' | 'duplicate' | 'full'; level: LogLevel; text: string },
  world: World,
): void {
  const told_ms = state.told.get(kind);
  if (told_ms !== undefined && world.now_ms - told_ms < TELL_AGAIN_MS) return;
  state.told.set(kind, world.now_ms);
  log(world, level, text);
}
