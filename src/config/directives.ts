/*
 * THE table. Reading files and command lines, CONFIG GET, SET and REWRITE, start-up defaults, docs/config.md and the
 * orchestrator's check of templates all walk it, and the type of a configuration is computed from it: nothing else in
 * the program lists directives. What a change does is not in here, because this folder knows no server.
 */
import type { Directive } from './directive.ts';
import { cluster } from './directives-cluster.ts';
import { compatibility } from './directives-compatibility.ts';
import { encodings, memoryDirectives } from './directives-data.ts';
import { network, processDirectives } from './directives-network.ts';
import { persistence } from './directives-persistence.ts';
import { replication } from './directives-replication.ts';
import { fileOnly, observation, security } from './directives-security.ts';
import { tls } from './directives-tls.ts';
import { type ProfileName, profileOf } from './profiles.ts';

export const directives = {
  ...network,
  ...processDirectives,
  ...tls,
  ...security,
  ...persistence,
  ...replication,
  ...cluster,
  ...memoryDirectives,
  ...encodings,
  ...observation,
  ...compatibility,
  ...fileOnly,
} as const;

export type Name = keyof typeof directives;

export type Config = {
  -readonly [N in Name]: (typeof directives)[N] extends Directive<infer T> ? T : never;
};

export const names = Object.keys(directives) as readonly Name[];

/** The topics, in the order of the documentation. */
export const topics: readonly { readonly title: string; readonly names: readonly Name[] }[] = [
  { title: 'Network and clients', names: Object.keys(network) as Name[] },
  { title: 'Process', names: Object.keys(processDirectives) as Name[] },
  { title: 'TLS', names: Object.keys(tls) as Name[] },
  { title: 'Security', names: Object.keys(security) as Name[] },
  { title: 'Persistence', names: Object.keys(persistence) as Name[] },
  { title: 'Replication', names: Object.keys(replication) as Name[] },
  { title: 'Cluster', names: Object.keys(cluster) as Name[] },
  { title: 'Memory', names: Object.keys(memoryDirectives) as Name[] },
  { title: 'Encodings', names: Object.keys(encodings) as Name[] },
  { title: 'Observation and scripts', names: Object.keys(observation) as Name[] },
  { title: 'Compatibility', names: Object.keys(compatibility) as Name[] },
  { title: 'In files only', names: Object.keys(fileOnly) as Name[] },
];

const byName: ReadonlyMap<string, Name> = new Map(
  names.flatMap((name) => [[name, name] as const, ...directives[name].aliases.map((alias) => [alias, name] as const)]),
);

/** The directive that a name or an older name means, in whatever case. */
export function findName(text: string): Name | null {
  return byName.get(text.toLowerCase()) ?? null;
}

/** The directive of a name, for code that treats all alike. */
export function directiveOf(name: Name): Directive<unknown> {
  return directives[name] as Directive<unknown>;
}

/** A configuration in which nothing was said, but perhaps the profile. */
export function defaultConfig(profile: ProfileName = directives['compat-profile'].initial): Config {
  const config = Object.fromEntries(names.map((name) => [name, directives[name].initial])) as Config;
  return { ...config, 'compat-profile': profile, ...profileOf({ 'compat-profile': profile }).defaults };
}

/** The notice about a directive that was given a value and does nothing with it; null where there is nothing to tell. */
export function withoutEffect(config: Config, name: Name): string | null {
  const { status, reason, initial, format } = directiveOf(name);
  if (status === 'obeyed' || formatSetting(config, name) === format(initial)) return null;
  return `'${name}' is accepted but has no effect: ${reason}`;
}

/** As CONFIG GET prints it. */
export function formatSetting(config: Config, name: Name): string {
  return directiveOf(name).format(config[name]);
}
