import type { Spec } from '../../src/server/command/spec.ts';
import { specs } from '../../src/server/handlers/table.ts';
import { code, GENERATED, plain, table } from './markdown.ts';

/* docs/server-commands.md: the commands that the bundled server has, from the records they are declared in. */

export function serverCommandsPage(): string {
  const groups = Map.groupBy(specs, ({ group }) => group);
  const sections = [...groups.keys()].sort().map((group) => section(group, groups.get(group) as Spec[]));
  const contents = [...groups.keys()].sort().map((group) => `[${titleOf(group)}](#${anchorOf(group)})`);
  return `${GENERATED}

# Server commands

What the bundled server knows: ${specs.length} commands, ${countSubcommands()} subcommands. *Arity* counts the words of a
request with the command's name; a minus says "at least". *Since* is the version of Redis that had the command first. What
Redis has and rkv does not is in [compatibility.md](compatibility.md).

${contents.join(' · ')}

${sections.join('\n')}`;
}

export function titleOf(group: string): string {
  return `${group.charAt(0).toUpperCase()}${group.slice(1).replaceAll('-', ' ')}`;
}

function anchorOf(group: string): string {
  return titleOf(group).toLowerCase().replaceAll(' ', '-');
}

function countSubcommands(): number {
  return specs.reduce((count, spec) => count + (spec.subcommands?.length ?? 0), 0);
}

function section(group: string, members: readonly Spec[]): string {
  const rows = members
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap((spec) => [
      row(spec, spec.name),
      ...(spec.subcommands ?? [])
        .toSorted((one, other) => (one.name < other.name ? -1 : 1))
        .map((sub) => row(sub, `${spec.name} ${sub.name}`)),
    ]);
  return `## ${titleOf(group)}\n\n${table(['Command', 'Arity', 'Since', 'Flags', 'What it does'], rows)}`;
}

function row({ arity, since, flags, summary }: Spec, name: string): string[] {
  return [code(name.toUpperCase()), `${arity}`, since, flags.map(code).join(' '), plain(summary)];
}
