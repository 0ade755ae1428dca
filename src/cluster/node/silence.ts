/*
 * Why a node does not answer as a node of a cluster, in words and for programs, and what to do about it. What the processes
 * of this machine tell goes before what a connection tells: that nothing is to be waited for is known at once then.
 */
import { CliFailure, EXIT } from '../run/failure.ts';

/**
 * stopped and paused are known of nodes of ours alone; for others the same is refused (nothing listens) and silent
 * (connected, but no answer came). denied: the password, or the user's rights. plain: a server that is not in cluster mode.
 */
export type Silence =
  | 'stopped'
  | 'paused'
  | 'refused'
  | 'timeout'
  | 'silent'
  | 'closed'
  | 'dns'
  | 'tls'
  | 'denied'
  | 'plain'
  | 'other';

/** Of a process of ours. */
export type ProcessState = 'stopped' | 'paused' | 'running';

export interface SilenceFacts {
  readonly error: string | null;
  readonly silence: Silence | null;
  /** What to type or change, as far as the reason tells. */
  readonly advice: string | null;
}

export function describeSilence({
  error,
  process,
}: {
  readonly error: CliFailure | null;
  readonly process: ProcessState | null;
}): SilenceFacts {
  if (error === null) return { error: null, silence: null, advice: null };
  const silence = silenceOf(error, process);
  const [advice = null] = error.suggestions;
  if (silence === 'stopped') return { error: 'its server does not run', silence, advice: null };
  if (silence === 'paused') return { error: PAUSED, silence, advice: null };
  return { error: error.why ?? error.message, silence, advice };
}

const PAUSED = 'its server is paused (SIGSTOP)';

/** What asking a paused process would come to, were it waited for. */
export function pausedFailure(name: string): CliFailure {
  return new CliFailure(`node ${name} is paused`, { code: 'NODE_PAUSED', exit: EXIT.unreachable, why: PAUSED });
}

function silenceOf(error: CliFailure, process: ProcessState | null): Silence {
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  if (error.code === 'NODE_TLS') return 'tls';
  if (error.code === 'NODE_DENIED') return 'denied';
  if (error.code === 'NODE_PLAIN') return 'plain';
  if (process === 'paused') return 'paused';
  if (error.code === 'NODE_SILENT') return 'silent';
  if (code === 'ECONNREFUSED') return process === 'stopped' ? 'stopped' : 'refused';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'dns';
  if (code === 'ETIMEDOUT') return 'timeout';
  return code === 'ECONNRESET' || error.code === 'NODE_CLOSED' ? 'closed' : 'other';
}
