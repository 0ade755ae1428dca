/*
 * Asks the directive table of the bundled server, so that neither a template nor a spec can hold what no server would
 * take. Other engines may know more names than ours; about those only the engine itself can tell, and it does when it
 * starts.
 */
import { didYouMean } from '../../base/nearest.ts';
import { DirectiveRefusal } from '../../config/directive.ts';
import { directives, findName, type Name, names } from '../../config/directives.ts';
import { splitWords } from '../../config/words.ts';

/** Why a line of redis.conf is wrong, or null. `value` is all that stands behind the name. */
export function whyBadDirective(name: string, value: string, engine: string): string | null {
  if (!/^[a-z][a-z0-9.-]*$/i.test(name)) return `'${name}' is not the name of a directive`;
  const known = findName(name);
  if (known === null) return engine === 'bundled' ? `unknown directive '${name}'${didYouMean(name, names)}` : null;
  const words = splitWords(value);
  if (words === null) return `${name}: unbalanced quotes in ${value}`;
  const directive = directives[known];
  // What means nothing to the bundled server may well mean something elsewhere: modules, threads.
  if (engine !== 'bundled' && directive.status === 'not-applicable') return null;
  try {
    directive.parseWords(words);
    return null;
  } catch (error) {
    if (!(error instanceof DirectiveRefusal)) throw error;
    const expected = expectation(known);
    return expected === null
      ? `${name}: ${error.message} (${directive.kind}: ${directive.allowed})`
      : `${name}: expected ${expected}, not '${value}'`;
  }
}

/** 'yes or no', 'always, everysec or no', of the kinds that most directives have; null for those that need more words. */
function expectation(name: Name): string | null {
  const { kind, allowed } = directives[name];
  if (kind === 'yes or no') return kind;
  if (kind === 'one of') return allowed.replace(/, (\S+)$/, ' or $1');
  if (kind === 'memory size') return `a memory size (${allowed})`;
  return kind === 'integer' ? `an integer ${allowed.replace(/ inclusive$/, '')}` : null;
}

/** What a directive that was given without a value expects, and a value of that kind to begin with. */
export function describeValue(given: string): { expected: string; example: string } {
  const name = findName(given);
  if (name === null) return { expected: `unknown directive '${given}'${didYouMean(given, names)}`, example: 'VALUE' };
  const { kind, allowed, initial } = directives[name];
  const examples: Readonly<Record<string, string>> = {
    'memory size': '100mb',
    'yes or no': 'yes',
    integer: `${initial}`,
  };
  const example = kind === 'one of' ? allowed.split(', ').find((word) => word !== initial) : examples[kind];
  return { expected: `${name} takes ${expectation(name) ?? `${kind}: ${allowed}`}`, example: example ?? 'VALUE' };
}

/** Why the bundled server accepts a directive and does nothing with it; null for those that it obeys or does not know. */
export function whyWithoutEffect(given: string): string | null {
  const name = findName(given);
  return name === null ? null : (directives[name].reason ?? null);
}
