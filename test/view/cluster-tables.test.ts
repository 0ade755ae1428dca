import { describe, expect, test } from 'vitest';
import type { ClusterSummary } from '../../src/cluster/observe/list-clusters.ts';
import { planCluster } from '../../src/cluster/spec/plan.ts';
import { DEFAULT_SPEC } from '../../src/cluster/spec/spec.ts';
import { planLines } from '../../src/view/created.ts';
import { renderLines, toAscii } from '../../src/view/line.ts';
import { nodeTable } from '../../src/view/node-table.ts';
import { glance, listLines, statusLines } from '../../src/view/status.ts';
import { verifyLines } from '../../src/view/verify-report.ts';
import { sampleReport, sampleTopology, terminalOf } from './sample-cluster.ts';

const plain = { color: false, unicode: true };

describe('the table of nodes', () => {
  test('fits 80 columns', () => {
    expect(`\n${renderLines(nodeTable(sampleTopology(), terminalOf(80)), plain)}`).toBe(`
 shard  node    role     state  slots         keys  lag  link
     1  7000    primary  up     0-5460       3,312
        └ 7004  replica  up                  3,312    0  up
     2  7005    primary  up     5461-10922   3,390
        └ 7001  replica  down                connect ECONNREFUSED
     3  7002    primary  up     10923-16383  3,298
        └ 7003  replica  up                  3,298    0  up
`);
  });

  test('gains columns at 140', () => {
    const [header, first] = renderLines(nodeTable(sampleTopology(), terminalOf(140)), plain).split('\n');
    expect(header).toBe(
      ' shard  node    role     state  slots         keys  lag  link  memory  ops/s  server        uptime  id',
    );
    expect(first).toMatch(/ {2}2\.1 MB {4}271 {2}rkv 7\.0\.15 {2}2 m 10 s {2}700070…07000$/);
  });

  test('names the host of a node where the nodes are on several', () => {
    const topology = sampleTopology();
    const [first, ...others] = topology.shards;
    const elsewhere = { ...first!, primary: { ...first!.primary, host: '10.0.0.5', address: '10.0.0.5:7000' } };
    const text = renderLines(nodeTable({ ...topology, shards: [elsewhere, ...others] }, terminalOf(80)), plain);
    expect(text).toContain('  1  10.0.0.5:7000     primary  up ');
    expect(text).toContain('     └ 127.0.0.1:7004  replica  up ');
  });

  test('has the row of a node that cannot be reached in red, with the reason at its end', () => {
    const color = { color: true, unicode: true };
    const row = renderLines(nodeTable(sampleTopology(), terminalOf(80)), color).split('\n')[4] as string;
    expect(row).toContain('\x1b[31m└ 7001\x1b[39m');
    expect(row).toContain('\x1b[31mdown\x1b[39m');
    expect(row.endsWith('\x1b[31mconnect ECONNREFUSED\x1b[39m')).toBe(true);
  });

  test('never exceeds the terminal, whatever the addresses', () => {
    const topology = sampleTopology();
    const long = 'a-very-long-host-name.in-some-region.of-some-provider.example.com:7000';
    const nodes = topology.shards.map((shard) => ({
      ...shard,
      primary: { ...shard.primary, host: long, address: long },
    }));
    for (const columns of [80, 100, 140]) {
      const lines = renderLines(nodeTable({ ...topology, shards: nodes }, terminalOf(columns)), plain).split('\n');
      expect(Math.max(...lines.map((line) => [...line].length))).toBeLessThanOrEqual(columns);
      expect(lines[1]).toContain('…');
    }
  });

  test('cuts nothing in a pipe', () => {
    const topology = sampleTopology();
    const long = 'a-very-long-host-name.in-some-region.of-some-provider.example.com:7000';
    const nodes = topology.shards.map((shard) => ({
      ...shard,
      primary: { ...shard.primary, host: long, address: long },
    }));
    const text = renderLines(nodeTable({ ...topology, shards: nodes }, terminalOf(80, { cut: false })), plain);
    expect(text).toContain(long);
  });
});

describe('the report of verify', () => {
  const lines = verifyLines({ topology: sampleTopology(), report: sampleReport(), exit: 3 }, terminalOf(80));
  const text = renderLines(lines, plain);

  test('starts with what was looked at and ends with the sum', () => {
    expect(text.split('\n')[0]).toBe('Cluster default: 6 nodes, 3 shards, epoch 7, checked in 90 ms');
    expect(text.trimEnd().split('\n').at(-1)).toMatch(/^1 error, 1 warning {3,}exit code 3$/);
  });

  test('says each finding on a line, with what to run beside it or below it', () => {
    expect(text).toContain(' ✓ coverage     16,384 of 16,384 slots served\n');
    expect(text).toContain('a second failure loses slots\n                5461-10922\n');
    expect(text).toContain('\n                → rkv node add --replica-of shard:2\n');
    const wide = verifyLines({ topology: sampleTopology(), report: sampleReport(), exit: 3 }, terminalOf(140));
    expect(renderLines(wide, plain)).toMatch(/ ✗ reachable {4}7001 .* say fail {3,}rkv node start 7001\n/);
    expect(Math.max(...text.split('\n').map((row) => [...row].length))).toBeLessThanOrEqual(80);
  });

  test('is readable in ASCII and without colour', () => {
    const ascii = renderLines(lines, { color: false, unicode: false });
    expect(ascii).toMatch(/^[\x20-\x7e\n]*$/);
    expect(ascii).not.toContain('?');
    expect(ascii).toContain(' x reachable');
  });

  test('says so when all is well', () => {
    const report = { ...sampleReport(), checks: [], findings: [], errors: 0, warnings: 0, notes: 0 };
    const fine = renderLines(verifyLines({ topology: sampleTopology(), report, exit: 0 }, terminalOf(80)), plain);
    expect(fine).toMatch(/All 0 checks passed\n$/);
  });
});

describe('a status', () => {
  test('is one line, which tells more where there is room', () => {
    const [narrow, broad] = [80, 140].map((columns) =>
      renderLines([glance(sampleTopology(), terminalOf(columns))], plain),
    );
    expect(narrow).toBe('default  ● ok   5/6 up   3 shards   10,000 keys   4.1 MB   812 ops/s\n');
    expect(broad).toBe(`${narrow?.trimEnd()}   epoch 7   up 2 m 10 s\n`);
  });

  test('leaves out what does not fit, last things first, but for the state', () => {
    const texts = [60, 30, 10].map((columns) => renderLines([glance(sampleTopology(), terminalOf(columns))], plain));
    expect(texts).toEqual([
      'default  ● ok   5/6 up   3 shards   10,000 keys   4.1 MB\n',
      'default  ● ok   5/6 up\n',
      'default  ● ok   5/6 up\n',
    ]);
  });

  test('tells a start of this second in words, and whole seconds as such', () => {
    const texts = [0, 5].map((uptime_s) => {
      const nodes = sampleTopology().nodes.map((node) => ({ ...node, uptime_s }));
      return renderLines([glance({ ...sampleTopology(), nodes }, terminalOf(140))], plain);
    });
    expect(texts[0]).toMatch(/ {3}epoch 7 {3}just started\n$/);
    expect(texts[1]).toMatch(/ {3}epoch 7 {3}up 5 s\n$/);
  });

  test('says no numbers that nobody answered', () => {
    const nodes = sampleTopology().nodes.map((node) => ({ ...node, reachable: false }));
    const topology = { ...sampleTopology(), nodes, state: 'unreachable' as const };
    expect(renderLines([glance(topology, terminalOf(80))], plain)).toBe('default  ○ unreachable   0/6 up\n');
  });

  test('goes on with the table of nodes', () => {
    expect(statusLines(sampleTopology(), terminalOf(80))).toHaveLength(2 + 7);
  });
});

test('a list tells clusters apart by their state, and says what to do about one that is not as it should be', () => {
  const cluster = (name: string, state: ClusterSummary['state'], running: number[]): ClusterSummary => ({
    name,
    state,
    problem: state === 'damaged' ? '/home/none/cluster.yaml:1:1: no field' : null,
    folder: `/home/someone/.local/state/rkv/${name}`,
    engine: 'bundled',
    host: '127.0.0.1',
    ports: [7000, 7001, 7003],
    running,
  });
  const clusters = [
    cluster('all', 'ok', [7000, 7001, 7003]),
    cluster('some', 'degraded', [7000]),
    cluster('none', 'stopped', []),
    cluster('half', 'unfinished', [7000]),
    cluster('bad', 'damaged', []),
  ];
  expect(`\n${renderLines(listLines(clusters, '/home', terminalOf(120)), plain)}`).toBe(`
 cluster  state         running  nodes                     engine   folder
 all      ● ok          3/3      127.0.0.1:7000,7001,7003  bundled  /home/someone/.local/state/rkv/all
 some     ! degraded    1/3      127.0.0.1:7000,7001,7003  bundled  /home/someone/.local/state/rkv/some
 none     ○ stopped     0/3      127.0.0.1:7000,7001,7003  bundled  /home/someone/.local/state/rkv/none
 half     ! unfinished  1/3      127.0.0.1:7000,7001,7003  bundled  /home/someone/.local/state/rkv/half
 bad      ! damaged     0/3      127.0.0.1:7000,7001,7003  bundled  /home/someone/.local/state/rkv/bad
! the creation of half was interrupted
    rkv cluster start half       # finishes it
    rkv cluster destroy half     # removes it
! bad cannot be read: /home/none/cluster.yaml:1:1: no field
    rkv cluster destroy bad     # removes it
`);
  expect(renderLines(listLines([], '/home', terminalOf(80)), plain)).toContain('rkv cluster create');
});

test('every character that we draw with has an ASCII form of the same width', () => {
  const drawn = '✓✗·●○…–×→└├⠋⠙⠹⠸⠼⠴⠦⠧';
  expect(toAscii(drawn)).toHaveLength([...drawn].length);
  expect(toAscii(drawn)).not.toContain('?');
});

test('a plan shows replicas below their primary, as the table of the nodes will', () => {
  const plan = planCluster({ ...DEFAULT_SPEC, primaries: 2, replicas: 2 }, { home: '/state/rkv' });
  const rows = renderLines(planLines(plan, terminalOf(140)), plain).split('\n');
  const nodes = rows.filter((row) => /^ +(\d {2}|[├└] )\d+/.test(row)).map((row) => row.slice(0, 14).trimEnd());
  expect(nodes).toEqual([
    '     1  7000',
    '        ├ 7003',
    '        └ 7004',
    '     2  7001',
    '        ├ 7002',
    '        └ 7005',
  ]);
});
