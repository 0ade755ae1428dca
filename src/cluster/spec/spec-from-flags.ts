/** The spec that a command line asks for: what is said outright, then the file, then what is usual. */

import { CliFailure, EXIT } from '../run/failure.ts';
import { describeValue } from './directive-check.ts';
import { type ClusterSpec, type ConfigValue, DEFAULT_SPEC } from './spec.ts';
import { readSpec } from './spec-file.ts';

export interface SpecFlags {
  readonly name?: string | undefined;
  readonly file?: string | undefined;
  readonly engine?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly primaries?: number | undefined;
  readonly replicas?: number | undefined;
  /** 'name=value' each. */
  readonly config?: readonly string[] | undefined;
  readonly tls?: boolean | undefined;
  readonly password?: string | undefined;
  readonly template?: string | undefined;
}

export function specFrom(flags: SpecFlags): ClusterSpec {
  const base = flags.file === undefined ? DEFAULT_SPEC : readSpec(flags.file);
  const { name, engine, host, port, primaries, replicas, tls, password, template } = flags;
  const said = Object.entries({ name, engine, host, port, primaries, replicas, tls, password, template });
  return {
    ...base,
    ...Object.fromEntries(said.filter(([, value]) => value !== undefined)),
    config: { ...base.config, ...readConfig(flags.config ?? []) },
  };
}

/** The name among the words of `cluster create`, of which there may be one. */
export function nameFrom(words: readonly string[]): string | undefined {
  if (words.length <= 1) return words[0];
  throw new CliFailure(`expected one cluster name, not ${words.length}: ${words.join(' ')}`, {
    code: 'USAGE',
    exit: EXIT.usage,
    suggestions: ['rkv cluster create blue', 'rkv cluster create 127.0.0.1:7000 127.0.0.1:7001 127.0.0.1:7002'],
  });
}

/** A directive that is given twice stands twice: `save` and `rename-command` are meant so. */
function readConfig(words: readonly string[]): Record<string, ConfigValue> {
  const config: Record<string, ConfigValue> = {};
  for (const word of words) {
    const match = /^([^=\s]+)(?:=|\s+)(.*)$/s.exec(word);
    if (match === null) {
      throw withoutValue(word);
    }
    const [, name, value] = match as unknown as [string, string, string];
    const known = config[name];
    config[name] = known === undefined ? value : [...(typeof known === 'string' ? [known] : known), value];
  }
  return config;
}

function withoutValue(word: string): CliFailure {
  const usage = { code: 'USAGE', exit: EXIT.usage } as const;
  if (!/^[a-z]/i.test(word)) {
    return new CliFailure(`--config '${word}': no directive`, {
      ...usage,
      why: 'expected NAME=VALUE, for instance appendonly=yes',
    });
  }
  const { expected, example } = describeValue(word);
  const suggestions = [`--config ${word}=${example}`];
  return new CliFailure(`--config ${word}: no value`, { ...usage, why: expected, suggestions });
}
