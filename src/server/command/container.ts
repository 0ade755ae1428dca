/*
 * Commands that are made of subcommands (CONFIG GET, CLUSTER NODES …). The container itself does nothing; its HELP is
 * written from the subcommands' own records.
 */

import type { Call } from './call.ts';
import { unknownSubcommand } from './errors.ts';
import type { Spec } from './spec.ts';

type ContainerSpec = Pick<Spec, 'name' | 'since' | 'group' | 'summary' | 'acl'> & {
  subcommands: readonly Spec[];
  /** Categories of HELP; Redis has some containers' HELP in the category of their subcommands, and others not. */
  helpAcl?: Spec['acl'];
  /** Throws where not even HELP is given. */
  guard?: (call: Call) => void;
};

export function container({ subcommands, helpAcl = [], guard, ...rest }: ContainerSpec): Spec {
  return {
    ...rest,
    arity: -2,
    flags: [],
    keys: [],
    complexity: 'Depends on subcommand.',
    // The dispatcher finds the subcommand before anything runs.
    run: (call) => {
      throw unknownSubcommand(call.argc > 1 ? call.text(1) : '', rest.name);
    },
    subcommands: [
      ...subcommands,
      helpOf({ ...rest, acl: helpAcl, subcommands, ...(guard === undefined ? {} : { guard }) }),
    ],
  };
}

function helpOf({ name, since, group, acl, guard, subcommands }: ContainerSpec): Spec {
  return {
    name: 'help',
    arity: 2,
    flags: ['loading', 'stale'],
    acl,
    keys: [],
    since,
    group,
    summary: 'Returns helpful text about the different subcommands.',
    complexity: 'O(1)',
    run(call) {
      guard?.(call);
      replyHelp(call, name, subcommands);
    },
  };
}

function replyHelp({ reply }: Call, name: string, subcommands: readonly Spec[]): void {
  const lines = [`${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`];
  for (const spec of subcommands) {
    const usage = spec.usage === undefined ? '' : ` ${spec.usage}`;
    lines.push(`${spec.name.toUpperCase()}${usage}`, `    ${spec.summary}`);
  }
  lines.push('HELP', '    Prints this help.');
  reply.array(lines.length);
  for (const line of lines) reply.simple(line);
}
