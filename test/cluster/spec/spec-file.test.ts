import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CliFailure } from '../../../src/cluster/run/failure.ts';
import { type ClusterSpec, DEFAULT_SPEC } from '../../../src/cluster/spec/spec.ts';
import { parseSpec, readSpec, writeSpec } from '../../../src/cluster/spec/spec-file.ts';

function failureOf(text: string): CliFailure {
  try {
    parseSpec(text, 'cluster.yaml');
  } catch (error) {
    if (error instanceof CliFailure) return error;
    throw error;
  }
  throw new Error('the text was taken');
}

test('what a file leaves out is as by default', () => {
  expect(parseSpec('primaries: 5\n', 'f')).toEqual({ ...DEFAULT_SPEC, primaries: 5 });
  expect(parseSpec('', 'f')).toEqual(DEFAULT_SPEC);
});

test('values of directives become text, however YAML reads them', () => {
  const spec = parseSpec('config:\n  maxmemory: 100\n  appendonly: true\n  save: [900 1, 300 10]\n', 'f');
  expect(spec.config).toEqual({ maxmemory: '100', appendonly: 'yes', save: ['900 1', '300 10'] });
});

test('broken YAML is told with file, line and column', () => {
  const failure = failureOf('name: a\nprimaries: [3\nreplicas: 1\n');
  expect(failure).toMatchObject({ exit: 2, code: 'BAD_SPEC' });
  expect(failure.why).toMatch(/^cluster\.yaml:3:\d+: /);
});

test('each mistake is told with file, line and column', () => {
  const failure = failureOf(
    'name: a\nprimaries: none\nconfig:\n  maxmemory: 1gb\n  maxmemory-policy: never\nnodes: 3\n',
  );
  expect(failure.why).toMatch(/^cluster\.yaml:2:12: primaries: expected/);
  expect(failure.evidence[0]).toMatch(/^cluster\.yaml:5:21: config: maxmemory-policy: expected volatile-lru/);
  expect(failure.evidence[1]).toMatch(/^cluster\.yaml:6:8: unknown field 'nodes'/);
});

test('a list instead of a cluster is refused', () => {
  expect(failureOf('- 1\n').why).toBe('cluster.yaml:1:1: expected fields such as `primaries: 3`');
});

test('a file that is not there is a usage failure with the reason of the system', () => {
  expect(() => readSpec('/no/such/cluster.yaml')).toThrow('cannot read /no/such/cluster.yaml');
});

test('what is written is read back the same, by its owner alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rkv-spec-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const spec: ClusterSpec = {
    ...DEFAULT_SPEC,
    name: 'a.b',
    tls: true,
    password: 'it\'s "so"',
    config: { save: ['900 1', '300 10'], appendonly: 'no', maxmemory: '100' },
    engines: { '7001': 'redis' },
  };
  const file = join(folder, 'cluster.yaml');
  writeSpec(file, spec);
  expect(readSpec(file)).toEqual(spec);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('aliases that unfold without end are a mistake of the file, and not of ours', () => {
  const rows = [
    'a: &a [x,x,x,x,x,x,x,x,x,x]',
    'b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]',
    'name: [*b,*b,*b,*b,*b,*b,*b,*b,*b]',
  ];
  const nested = rows.join('\n').replace('name', 'c: &c [*b,*b,*b,*b,*b,*b]\nname').replaceAll('*b]', '*b,*b,*b]');
  expect(() => parseSpec(`${nested}\nd: [*c,*c,*c,*c,*c]`, 'bomb.yaml')).toThrow(
    'bomb.yaml is not a valid cluster file',
  );
});
