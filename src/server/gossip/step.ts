import type { Command, CommandResult, Event } from './event.ts';
import type { State, World } from './state.ts';

/** Takes in one event. */
export function step(state: State, event: Event, world: World): void {
  throw new Error(`${state.myself.id} ${event.type} ${world.now_ms}`);
}

/** Carries out one CLUSTER subcommand, or refuses it and changes nothing. */
export function runCommand(state: State, command: Command, world: World): CommandResult {
  throw new Error(`${state.myself.id} ${command.type} ${world.now_ms}`);
}

/** Makes changes of `state.config` take effect: announced addresses, coverage rules. */
export function configChanged(state: State, world: World): void {
  throw new Error(`${state.myself.id} ${world.now_ms}`);
}
