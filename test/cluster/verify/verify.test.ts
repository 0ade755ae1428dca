import { expect, test } from 'vitest';
import { DEFAULT_SPEC } from '../../../src/cluster/spec/spec.ts';
import type { Finding } from '../../../src/cluster/topology/finding.ts';
import type { Topology } from '../../../src/cluster/topology/view.ts';
import { verify } from '../../../src/cluster/verify/verify.ts';
import { healthy, idOf, infoOf, line, type Told, topologyOf } from '../topology-fixture.ts';

const find = (topology: Topology, id: string): Finding[] =>
  verify(topology, DEFAULT_SPEC).findings.filter((one) => one.id === id);
const ids = (topology: Topology): string[] => verify(topology, DEFAULT_SPEC).findings.map(({ id }) => id);
const at =
  (port: number, change: Partial<Told>) =>
  (told: Told): Told =>
    told.port === port ? { ...told, ...change } : told;
const swap =
  (port: number, was: string, is: string) =>
  (told: Told): Told =>
    told.port === port ? { ...told, view: told.view!.replace(was, is) } : told;

test('a healthy cluster has no findings, and every check says what is true', () => {
  const report = verify(healthy(), DEFAULT_SPEC);
  expect(report.findings).toEqual([]);
  expect(report.checks.map(({ title, outcome, text }) => `${outcome} ${title}: ${text}`)).toEqual([
    'ok reachable: 6 nodes answer',
    'ok state: cluster_state is ok on 6 nodes',
    'ok coverage: 16,384 of 16,384 slots served',
    'ok views: 6 nodes agree on slots, roles, epochs and addresses',
    'ok open slots: no slots are migrating',
    'ok replication: 3 links up, lag 0 bytes at most',
    'ok replicas: every shard has 1 replica or more',
    'ok roles: as planned',
    'ok persistence: not asked for',
    'ok config: redis 7.0.15 everywhere',
  ]);
});

test('a replica that could not carry out a command of its primary is an error that names it', () => {
  const lost = 'master_link_down_reason:unknown command\r\nmaster_refused_command:HSET';
  const topology = healthy((told) =>
    told.port === 7003 ? { ...told, info: `${infoOf(true, 'down')}\r\n${lost}` } : told,
  );
  expect(find(topology, 'replication.refused')).toMatchObject([
    {
      severity: 'error',
      text: 'h:7003 stopped following h:7002: it could not execute HSET',
      evidence: ['unknown command'],
    },
  ]);
});

test('a node that answers, but lets nobody in or is in no cluster, is not said to be silent', () => {
  const refusing = (silence: 'denied' | 'plain'): Topology => {
    const topology = healthy();
    const nodes = topology.nodes.map((node) =>
      node.port === 7001 ? { ...node, reachable: false, silence, error: 'the reason' } : node,
    );
    return { ...topology, nodes };
  };
  expect(find(refusing('denied'), 'reachable.down')).toMatchObject([
    { text: 'h:7001 denies access (slots 5461-10922)', evidence: ['the reason'] },
  ]);
  expect(find(refusing('plain'), 'reachable.down')).toMatchObject([
    { text: 'h:7001 is not a node of a cluster (slots 5461-10922)' },
  ]);
});

test('a node that is down is an error with its slots, its reason and the command that starts it', () => {
  const down = healthy((told) => (told.port === 7001 ? { ...told, view: null } : told));
  expect(find(down, 'reachable.down')).toEqual([
    {
      id: 'reachable.down',
      severity: 'error',
      text: 'h:7001 does not answer (slots 5461-10922)',
      evidence: ['its server does not run'],
      command: 'rkv node start 7001',
    },
  ]);
  expect(find(down, 'coverage.unserved')[0]).toMatchObject({ evidence: ['could take over: h:7005'] });
});

test('where nobody answers, nothing else is claimed', () => {
  const report = verify(topologyOf([{ port: 7000, view: null }]), DEFAULT_SPEC);
  expect(report.checks.map(({ id }) => id)).toEqual(['reachable']);
  expect(report.errors).toBe(1);
});

test('a node that answers here but not to the others is an error', () => {
  const told = line(7004, { role: 'slave', of: 7000, epoch: 1 });
  const accused = healthy(swap(7001, told, line(7004, { role: 'slave', of: 7000, epoch: 1, flags: ',fail' })));
  expect(find(accused, 'reachable.accused')[0]).toMatchObject({
    severity: 'error',
    text: 'h:7004 answers here, but not to h:7001',
    evidence: ['they reach it through its bus port 17004'],
  });
});

test('slots of nobody are an error, with their numbers', () => {
  const hole = healthy((told) => ({ ...told, view: told.view!.replaceAll('5461-10922', '5461-10900 10902-10922') }));
  expect(find(hole, 'coverage.unassigned')[0]!.text).toBe('1 slot belongs to no node: 10901');
});

test('a node that calls the cluster down is named', () => {
  expect(find(healthy(at(7002, { state: 'fail' })), 'state.fail')[0]!.text).toBe(
    'h:7002 says that the cluster is down',
  );
  const all = healthy((told) => ({ ...told, state: 'fail' }));
  expect(find(all, 'state.fail')[0]!.text).toBe('every node says that the cluster is down');
});

test.each([
  [
    'views.slots',
    '0-5460',
    '0-5459',
    'error',
    'h:7000 says it owns 0-5460, but not every node agrees',
    'h:7004 says 0-5459',
  ],
  [
    'views.epochs',
    '0 0 1 connected 0-5460',
    '0 0 9 connected 0-5460',
    'warning',
    'h:7000 is at epoch 1, but not every node knows that',
    'h:7004 says 9',
  ],
  [
    'views.addresses',
    'h:7000@17000',
    'x:7000@17000',
    'error',
    'h:7000 announces h:7000@17000, but not every node has that address',
    'h:7004 says x:7000@17000',
  ],
  [
    'views.links',
    '1 connected 0-5460',
    '1 disconnected 0-5460',
    'warning',
    'not every node is connected to h:7000 (bus 17000)',
    'h:7004 says disconnected',
  ],
])('%s: one view that differs is found', (id, was, is, severity, text, evidence) => {
  expect(find(healthy(swap(7004, was, is)), id)).toEqual([{ id, severity, text, evidence: [evidence], command: null }]);
});

test('a role that others see differently is an error; each word is evidence', () => {
  const was = line(7005, { role: 'slave', of: 7001, epoch: 2 });
  const is = line(7005, { epoch: 2 });
  const topology = healthy((told) => (told.port === 7005 ? told : { ...told, view: told.view!.replace(was, is) }));
  const [finding] = find(topology, 'views.roles');
  expect(finding!.text).toBe('h:7005 says it is a replica, but not every node agrees');
  expect(finding!.evidence).toHaveLength(5);
});

test('a node that one view lacks, and a node that only one view has, are found', () => {
  const lacking = healthy(swap(7001, `${line(7003, { role: 'slave', of: 7002, epoch: 3 })}\n`, ''));
  expect(find(lacking, 'views.missing')[0]).toMatchObject({
    text: 'not every node knows h:7003',
    evidence: ['h:7001 does not'],
  });
  const ghost = healthy((told) =>
    told.port === 7001 ? { ...told, view: `${told.view}\n${line(1, { flags: ',handshake' })}` } : told,
  );
  expect(find(ghost, 'views.strangers')).toHaveLength(1);
});

test('two primaries with one epoch are found', () => {
  const twins = healthy((told) => ({ ...told, view: told.view!.replaceAll('0 0 2 connected', '0 0 1 connected') }));
  expect(find(twins, 'views.epochTwins')[0]!.text).toBe('h:7000 and h:7001 have the same epoch 1');
});

test('open slots are found, at both ends', () => {
  const topology = healthy((told) => {
    if (told.port === 7000) return { ...told, view: told.view!.replace('0-5460', `0-5460 [42->-${idOf(7001)}]`) };
    if (told.port === 7001)
      return { ...told, view: told.view!.replace('5461-10922', `5461-10922 [42-<-${idOf(7000)}]`) };
    return told;
  });
  expect(find(topology, 'slots.open').map(({ text }) => text)).toEqual([
    'slot 42 is migrating from h:7000 to h:7001',
    'slot 42 is being imported by h:7001 from h:7000',
  ]);
});

test('a replication link that is down is an error, a replica far behind a warning', () => {
  const broken = healthy(at(7003, { info: infoOf(true, 'down') }));
  expect(find(broken, 'replication.down')[0]!.text).toBe('the link of h:7003 to its primary h:7002 is down');
  expect(find(broken, 'replicas.few')[0]).toMatchObject({ severity: 'warning', evidence: ['h:7003: link down'] });
  const behind = healthy(at(7002, { info: infoOf(false, 'up', 50_000_100) }));
  expect(find(behind, 'replication.lag')[0]!.text).toBe('h:7003 is 50,000,000 bytes behind h:7002');
});

test('fewer replicas than the spec wants are a warning', () => {
  const report = verify(healthy(), { ...DEFAULT_SPEC, replicas: 2 });
  expect(report.findings.filter(({ id }) => id === 'replicas.few').map(({ text }) => text)).toEqual([
    'shard 1 has 1 of 2 replicas',
    'shard 2 has 1 of 2 replicas',
    'shard 3 has 1 of 2 replicas',
  ]);
});

test('replicas on the host of their primary are a warning where there are other hosts', () => {
  const view = `${line(7000, { slots: '0-16383', host: 'a' })}\n${line(7001, { role: 'slave', of: 7000, host: 'a' })}\n${line(7002, { role: 'slave', of: 7000, host: 'b' })}`;
  const topology = topologyOf([
    { port: 7000, host: 'a', view },
    { port: 7001, host: 'a', view, info: infoOf(true) },
    { port: 7002, host: 'b', view, info: infoOf(true) },
  ]);
  expect(find(topology, 'replicas.sameHost')[0]!.text).toContain('a:7001 on the host of a:7000');
  expect(ids(topology)).toContain('replicas.majority');
});

test('a promotion since the plan was made is a note', () => {
  const was = {
    primary: line(7001, { slots: '5461-10922', epoch: 2 }),
    replica: line(7005, { role: 'slave', of: 7001, epoch: 2 }),
  };
  const is = {
    primary: line(7001, { role: 'slave', of: 7005, epoch: 7 }),
    replica: line(7005, { slots: '5461-10922', epoch: 7 }),
  };
  const topology = healthy((told) => ({
    ...told,
    view: told.view!.replace(was.primary, is.primary).replace(was.replica, is.replica),
    info: infoOf([7001, 7003, 7004].includes(told.port)),
  }));
  const report = verify(topology, DEFAULT_SPEC);
  expect(report.findings.map(({ severity, text }) => `${severity}: ${text}`)).toEqual([
    'note: h:7001 was a primary in the plan and is a replica now (epoch 7)',
    'note: h:7005 was a replica in the plan and is a primary now (epoch 7)',
  ]);
  expect(verify(topology, null).findings).toEqual([]);
});

test('a directive on which nodes differ is a warning with every value', () => {
  const topology = healthy((told) => ({ ...told, config: { maxmemory: told.port === 7003 ? '1' : '0' } }));
  expect(find(topology, 'config.drift')[0]).toMatchObject({
    severity: 'warning',
    text: 'maxmemory differs between nodes',
    evidence: ['0: h:7000, h:7001, h:7002, h:7004, h:7005', '1: h:7003'],
  });
});

test('a node that was added later and has taken over is told, also when the primary of the plan is gone', () => {
  const succeeded = (told: Told): Told[] => {
    if (told.port === 7000) return [];
    const added = line(7006, { slots: '0-5460', epoch: 7 });
    const view = told
      .view!.replace(line(7000, { slots: '0-5460', epoch: 1 }), added)
      .replaceAll(idOf(7000), idOf(7006));
    return told.port === 7005
      ? [
          { ...told, view },
          { ...told, port: 7006, view, info: infoOf(false) },
        ]
      : [{ ...told, view }];
  };
  expect(find(healthy(succeeded), 'plan.succeeded')).toMatchObject([
    {
      severity: 'note',
      text: 'h:7006 was added later, and is the primary now of slots that the plan gives to 127.0.0.1:7000',
    },
  ]);
});

test('a node that was added later and got slots from primaries that stay is no change of roles', () => {
  const shared = (told: Told): Told[] => {
    const own = line(7000, { slots: '0-5460', epoch: 1 });
    const view = told.view!.replace(
      own,
      `${line(7000, { slots: '0-5000', epoch: 1 })}\n${line(7006, { slots: '5001-5460', epoch: 7 })}`,
    );
    return told.port === 7005
      ? [
          { ...told, view },
          { ...told, port: 7006, view, info: infoOf(false) },
        ]
      : [{ ...told, view }];
  };
  expect(ids(healthy(shared)).filter((id) => id.startsWith('plan.'))).toEqual([]);
});

test('a cluster that is stopped is one finding, with the one command that starts it', () => {
  const stopped = healthy((told) => ({ ...told, view: null }));
  expect(verify(stopped, DEFAULT_SPEC).findings).toEqual([
    {
      id: 'reachable.stopped',
      severity: 'error',
      text: 'none of the 6 servers runs',
      evidence: [],
      command: 'rkv cluster start',
    },
  ]);
  expect(stopped.problems).toHaveLength(1);
});
