import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { planCluster } from '../../../src/cluster/spec/plan.ts';
import { type ClusterSpec, DEFAULT_SPEC } from '../../../src/cluster/spec/spec.ts';
import { quoteValue, renderNodeConf, renderTemplate } from '../../../src/cluster/spec/template.ts';
import { loadConfig } from '../../../src/config/conf-file.ts';

function render(change: Partial<ClusterSpec>): string {
  const plan = planCluster({ ...DEFAULT_SPEC, ...change }, { home: '/state of/rkv' });
  return renderNodeConf(plan.spec, plan.folder, plan.nodes[1]!);
}

function ownTemplate(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'rkv-template-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'node.conf'), text);
  return folder;
}

test('every variable of a line is replaced, and comments are no exception', () => {
  expect(renderTemplate('# {{ name }}\nport {{port}} {{port}}', { name: 'a', port: 1 }, 'f')).toBe('# a\nport 1 1');
});

test('an unknown variable is told with file and line', () => {
  expect(() => renderTemplate('port 1\ndir {{folder}}\nbind {{hots}}', { folder: '/', host: 'a' }, 'my.conf')).toThrow(
    "my.conf:3: unknown variable 'hots'",
  );
});

test('names that every object has are unknown variables too', () => {
  expect(() => renderTemplate('{{toString}}', {}, 'f')).toThrow("f:1: unknown variable 'toString'");
});

test('values with blanks, quotes or bytes that are no letters are quoted', () => {
  expect(quoteValue('/a/b-c.d')).toBe('/a/b-c.d');
  expect(quoteValue('/a b')).toBe('"/a b"');
  expect(quoteValue('"\\')).toBe('"\\"\\\\"');
  expect(quoteValue('')).toBe('""');
});

test('a node gets its ports, its folder and the directives of the spec', () => {
  const conf = render({ config: { maxmemory: '100mb', save: ['900 1', '300 10'] } });
  expect(conf).toContain('\nport 7001\n');
  expect(conf).toContain('\ndir "/state of/rkv/default/nodes/7001/data"\n');
  expect(conf).toContain('\ncluster-config-file "/state of/rkv/default/nodes/7001/nodes.conf"\n');
  expect(conf).toMatch(/\nmaxmemory 100mb\nsave 900 1\nsave 300 10\n$/);
  expect(conf).not.toMatch(/requirepass|tls-port|\{\{/);
});

test('with TLS the plain port is closed and the same number speaks TLS', () => {
  const conf = render({ tls: true });
  expect(conf).toContain('\nport 0\n');
  expect(conf).toContain('\ntls-port 7001\n');
  expect(conf).toContain('\ntls-ca-cert-file "/state of/rkv/default/tls/ca.crt"\n');
});

test('a password stands in quotes, for clients and for replication', () => {
  expect(render({ password: 'se"cret' })).toContain('\nrequirepass "se\\"cret"\nmasterauth "se\\"cret"\n');
});

test('the bundled server takes every file that is rendered', () => {
  for (const spec of [{}, { tls: true }, { password: 'a b' }, { config: { appendonly: 'yes' } }]) {
    const { config } = loadConfig({ argv: ['/node.conf'], readFile: () => render(spec), readStdin: () => '' });
    expect(config['cluster-enabled']).toBe(true);
    expect(config.dir).toBe('/state of/rkv/default/nodes/7001/data');
    expect(config.requirepass).toBe('password' in spec ? 'a b' : '');
  }
});

test('a directive that nobody knows is told with file and line', () => {
  const template = ownTemplate('port {{plainPort}}\n\nprot 1\n');
  expect(() => render({ template })).toThrow(
    `${join(template, 'node.conf')}:3: unknown directive 'prot'; did you mean 'port'?`,
  );
});

test('a value that no server takes is told with file and line', () => {
  const template = ownTemplate('cluster-enabled maybe\n');
  expect(() => render({ template })).toThrow(/node\.conf:1: cluster-enabled: expected yes or no, not 'maybe'/);
});

test('a folder of templates may hold some of them only', () => {
  const template = ownTemplate('port {{plainPort}}\n');
  expect(render({ template, password: 'x' })).toBe(
    'port 7001\n\n\n# One password for clients and for replication: every node may become the primary of any other.\nrequirepass x\nmasterauth x\n',
  );
  expect(() => render({ template: '/no/such/folder' })).toThrow('template folder /no/such/folder does not exist');
});
