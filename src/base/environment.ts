/*
 * What servers get of the environment of whoever starts them. A program that was told a password, or to be debugged, was
 * told so for itself: a server outlives it, and the environment of a process can be read for as long as it lives.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Passwords of clients. */
const SECRETS = ['RKV_PASSWORD', 'REDISCLI_AUTH', 'VALKEYCLI_AUTH'];
/** What makes another Node open its debugger, load modules or write reports. */
const NODE_SETTINGS = ['NODE_OPTIONS', 'NODE_INSPECT_RESUME_ON_START'];

/**
 * How the GNU C library deals with memory, which it reads before the first line of a program. By itself it learns from what
 * is freed to keep more and more in heaps that shrink at their end only: replies that a slow client had not read stay
 * with the process for good, and so do strings that were deleted. So buffers are mapped one by one from the size on from
 * which a string has a buffer of its own, what is free at the end of a heap goes back, and the threads of V8 share two heaps.
 * Others do not look at these names.
 */
const MEMORY_GOES_BACK: Environment = {
  MALLOC_MMAP_THRESHOLD_: '32768',
  MALLOC_TRIM_THRESHOLD_: '131072',
  MALLOC_ARENA_MAX: '2',
};

/** What is set already is somebody's choice. */
export function withMemorySettings(env: Environment): Environment {
  return { ...MEMORY_GOES_BACK, ...env };
}

export function withoutSecrets(env: Environment): Record<string, string> {
  return without(env, SECRETS);
}

/** For a server that a command of ours launches, redis-server among them. */
export function environmentOfServer(env: Environment): Record<string, string> {
  return without(withMemorySettings(env), [...SECRETS, ...NODE_SETTINGS]);
}

function without(env: Environment, left: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !left.includes(name)) kept[name] = value;
  }
  return kept;
}
