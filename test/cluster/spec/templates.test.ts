import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEFAULT_SPEC } from '../../../src/cluster/spec/spec.ts';
import { parseSpec } from '../../../src/cluster/spec/spec-file.ts';
import { readTemplate, renderTemplate } from '../../../src/cluster/spec/template.ts';
import { findMistakes } from '../../../src/cluster/spec/validate.ts';
import { loadConfig } from '../../../src/config/conf-file.ts';

const FOLDER = join(import.meta.dirname, '../../../templates');
const schema = JSON.parse(readFileSync(join(FOLDER, 'cluster.schema.json'), 'utf8'));

const VARIABLES = {
  cluster: 'default',
  host: '127.0.0.1',
  port: 7001,
  busPort: 17001,
  plainPort: 7001,
  protectedMode: 'yes',
  data: '/data',
  nodesConf: '/nodes.conf',
  caFile: '/ca.crt',
  certFile: '/node.crt',
  keyFile: '/node.key',
  password: 'secret',
  primaryHost: '127.0.0.1',
  primaryPort: 7000,
};

test('the shipped cluster.yaml is the default, line by line', () => {
  const text = readFileSync(join(FOLDER, 'cluster.yaml'), 'utf8');
  expect(parseSpec(text, 'cluster.yaml')).toEqual(DEFAULT_SPEC);
});

test('the examples in the shipped cluster.yaml are right', () => {
  const text = readFileSync(join(FOLDER, 'cluster.yaml'), 'utf8');
  const uncommented = text.replaceAll(/^# ((?:password|template|config|engines| {2}).*)$/gm, '$1');
  const spec = parseSpec(uncommented, 'cluster.yaml');
  expect(spec).toMatchObject({ password: 'secret', template: './templates', engines: { '7003': 'redis' } });
  expect(spec.config).toMatchObject({ appendonly: 'yes', 'cluster-node-timeout': '2000', save: ['900 1', '300 10'] });
});

test('the schema knows the fields of a spec, and their defaults', () => {
  expect(Object.keys(schema.properties).sort()).toEqual(Object.keys(DEFAULT_SPEC).sort());
  const defaults = Object.entries(schema.properties).map(([name, property]) => [
    name,
    (property as { default: unknown }).default,
  ]);
  expect(Object.fromEntries(defaults)).toEqual(DEFAULT_SPEC);
});

test.each(['port', 'primaries', 'replicas'])('the schema has the bounds of %s that the check has', (field) => {
  const { minimum, maximum } = schema.properties[field];
  const isTaken = (value: number): boolean => findMistakes({ primaries: 1, replicas: 0, [field]: value }).length === 0;
  expect([minimum - 1, minimum, maximum, maximum + 1].map(isTaken)).toEqual([false, true, true, false]);
});

test.each(readdirSync(FOLDER).filter((name) => name.endsWith('.conf')))('the bundled server takes %s', (name) => {
  const { text, file } = readTemplate(name, null);
  const conf = renderTemplate(text, VARIABLES, file);
  const { config } = loadConfig({ argv: ['/a.conf'], readFile: () => conf, readStdin: () => '' });
  expect(config.dir).toMatch(/^\//);
});
