/*
 * What servers get of the environment of whoever starts them. A program that was told a password, or to be debugged, was
 * told so for itself: a server outlives it, and the environment of a process can be read for as long as it lives.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Passwords of clients. */
const SECRETS = ['RKV_PASSWORD', 'REDISCLI_AUTH', 'VALKEYCLI_AUTH'];
/** What makes another Node open its debugger, load modules or write reports. */
const NODE_SETTINGS = ['NODE_OPTIONS', 'NODE_INSPECT_RESUME_ON_START'];

export function withoutSecrets(env: Environment): Record<string, string> {
  return without(env, SECRETS);
}

/** For a server that a command of ours launches. */
export function environmentOfServer(env: Environment): Record<string, string> {
  return without(env, [...SECRETS, ...NODE_SETTINGS]);
}

function without(env: Environment, left: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !left.includes(name)) kept[name] = value;
  }
  return kept;
}
