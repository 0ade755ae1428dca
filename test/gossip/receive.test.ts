import { describe, expect, test } from 'vitest';
import type { Effect } from '../../src/server/gossip/effect.ts';
import { countReports } from '../../src/server/gossip/failure.ts';
import { FAILED, NO_ADDRESS, PRIMARY, REPLICA, SUSPECTED } from '../../src/server/gossip/flags.ts';
import { FAIL, type Message, PONG, UPDATE, VOTE, VOTE_REQUEST } from '../../src/server/gossip/message.ts';
import { isFailed, isReplica, ownerOf } from '../../src/server/gossip/state.ts';
import { A, B, C, gossipAbout, header, heartbeat, Lab, ME, R, range, replies, sends } from './support.ts';

/** Us with slots 0-99, A and B with a hundred more each. */
function threePrimaries(): Lab {
  const lab = new Lab();
  lab.command({ type: 'addSlots', slots: Array.from({ length: 100 }, (_, slot) => slot) });
  lab.know(A, { slots: range(100, 199), epoch: 2 });
  lab.know(B, { slots: range(200, 299), epoch: 3 });
  lab.state.myself.configEpoch = 1;
  return lab;
}

function ownerIn(lab: Lab, slot: number): string | undefined {
  return ownerOf(lab.state, slot)?.id;
}

describe('strangers', () => {
  test('a ping from an unknown node is answered, and the node is not added', () => {
    const lab = new Lab();
    const effects = lab.hear(heartbeat('ping', header(A)));
    expect(replies(effects).map(({ type }) => type)).toEqual([PONG]);
    expect(lab.state.list).toHaveLength(1);
  });

  test('gossip of an unknown node is not listened to', () => {
    const lab = new Lab();
    lab.hear(heartbeat('ping', header(A), [gossipAbout(B, PRIMARY)]));
    expect(lab.state.nodes.has(B)).toBe(false);
  });

  test('a MEET is answered and starts a handshake back', () => {
    const lab = new Lab();
    const effects = lab.hear(heartbeat('meet', header(A)));
    expect(effects.find(({ type }) => type === 'connect')).toMatchObject({ ip: '10.0.0.9', busPort: 17001 });
    expect(replies(effects)).toHaveLength(1);
  });

  test.each([
    ['a FAIL', { type: FAIL, header: header(A), failed: B } as const],
    ['a request for a vote', { type: VOTE_REQUEST, header: header(A) } as const],
  ])('%s from an unknown node is ignored', (_, message) => {
    const lab = threePrimaries();
    lab.state.list.splice(lab.state.list.indexOf(lab.node(A)), 1);
    lab.state.nodes.delete(A);
    for (const [link, node] of lab.state.links) if (node.id === A) lab.state.links.delete(link);
    expect(lab.hear(message)).toEqual([]);
    expect(isFailed(lab.node(B))).toBe(false);
  });

  test('our own id from elsewhere is named in the log, and from our own address is not', () => {
    const lab = new Lab();
    const warnings = (effects: ReturnType<Lab['hear']>): string[] =>
      effects.flatMap((effect) => (effect.type === 'log' && effect.level === 'warning' ? [effect.text] : []));
    expect(warnings(lab.hear(heartbeat('ping', header(ME, { port: 7055 }))))).toEqual([
      expect.stringContaining(`Another node has our id ${ME}: it is at 10.0.0.9:7055.`),
    ]);
    const itself = heartbeat('meet', header(ME));
    const ips = { remoteIp: '10.0.0.5', localIp: '10.0.0.5' };
    const other = new Lab();
    expect(warnings(other.step({ type: 'message', link: 9, inbound: true, ...ips, message: itself }))).toEqual([]);
  });

  test('a node that moves to and fro is two, and the log names both addresses', () => {
    const lab = threePrimaries();
    const ping = (port: number): Effect[] =>
      lab.hear(heartbeat('ping', header(A, { port, slots: range(100, 199), epoch: 2 })));
    const seen = [ping(7050), ping(7001), ping(7050)].flat();
    const texts = seen.flatMap((effect) => (effect.type === 'log' ? [effect.text] : []));
    expect(texts.filter((text) => text.startsWith('Two nodes have the id'))).toEqual([
      expect.stringMatching(/^Two nodes have the id a{40}: one is at 10\.0\.0\.9:7050, one at 10\.0\.0\.9:7001\./),
    ]);
  });

  test('a node whose address another has now is looked for where the others say it is', () => {
    const lab = threePrimaries();
    lab.answer(lab.node(A).link, heartbeat('pong', header(C)));
    expect(lab.node(A).flags & NO_ADDRESS).toBe(NO_ADDRESS);
    const entry = { ...gossipAbout(A, PRIMARY), ip: '10.0.0.77' };
    const effects = lab.hear(heartbeat('ping', header(B, { slots: range(200, 299), epoch: 3 }), [entry]));
    expect(effects.find(({ type }) => type === 'connect')).toMatchObject({ ip: '10.0.0.77', busPort: 17_001 });
    expect(lab.node(A).flags & NO_ADDRESS).toBe(0);
  });

  test('a node that meets its own address forgets about it', () => {
    const lab = new Lab();
    lab.command({ type: 'meet', ip: '10.0.0.5', port: 7000, busPort: 17000 });
    const link = lab.state.list[1]!.link;
    lab.step({ type: 'linkUp', link });
    lab.answer(link, heartbeat('pong', header(ME)));
    expect(lab.state.list).toHaveLength(1);
  });

  test('text that does not belong in an address is not taken for one', () => {
    const lab = threePrimaries();
    const entry = { ...gossipAbout(C, PRIMARY), ip: 'x\nvars currentEpoch 99' };
    lab.hear(heartbeat('ping', header(A, { slots: range(100, 199), epoch: 2 }), [entry]));
    expect(lab.state.nodes.has(C)).toBe(false);
  });
});

describe('addresses', () => {
  test('another node at the address of a known one costs that its address', () => {
    const lab = threePrimaries();
    const node = lab.node(A);
    lab.answer(node.link, heartbeat('pong', header(C)));
    expect(node.flags & NO_ADDRESS).toBe(NO_ADDRESS);
    expect(node.link).toBe(0);
    expect(node.configEpoch).toBe(2);
  });

  test('a ping from another port moves the node there', () => {
    const lab = threePrimaries();
    const effects = lab.hear(heartbeat('ping', header(A, { port: 7777, slots: range(100, 199), epoch: 2 })));
    expect(lab.node(A).port).toBe(7777);
    expect(effects.map(({ type }) => type)).toContain('connect');
  });

  test('a node learns its own address from the first MEET', () => {
    const lab = new Lab();
    lab.hear(heartbeat('meet', header(A)));
    expect(lab.state.myself.ip).toBe('10.0.0.5');
  });

  test('an announced address is not overruled', () => {
    const lab = new Lab({ announceIp: '192.0.2.1' });
    lab.hear(heartbeat('meet', header(A)));
    expect(lab.state.myself.ip).toBe('192.0.2.1');
  });

  test('of two inbound links of one node the newer stays', () => {
    const lab = threePrimaries();
    const ping = heartbeat('ping', header(A, { slots: range(100, 199), epoch: 2 }));
    lab.hear(ping, 900);
    expect(lab.hear(ping, 901)).toContainEqual({ type: 'closeInbound', link: 900 });
  });
});

describe('failure reports', () => {
  const report = (from: string, flags: number, slots: number): ReturnType<typeof heartbeat> =>
    heartbeat('ping', header(from, { slots: range(slots, slots + 99), epoch: slots / 100 + 1 }), [
      gossipAbout(C, flags),
    ]);

  test('two reports of three primaries and our own suspicion make a failure, which is told to all', () => {
    const lab = threePrimaries();
    lab.know(C, { slots: range(300, 399), epoch: 9 });
    lab.node(C).flags |= SUSPECTED;
    lab.hear(report(A, PRIMARY | SUSPECTED, 100));
    expect(isFailed(lab.node(C))).toBe(false);
    const effects = lab.hear(report(B, PRIMARY | SUSPECTED, 200));
    expect(isFailed(lab.node(C))).toBe(true);
    expect(sends(effects).filter(({ type }) => type === FAIL)).toHaveLength(3);
  });

  test('reports without our own suspicion make none', () => {
    const lab = threePrimaries();
    lab.know(C, { slots: range(300, 399), epoch: 9 });
    lab.hear(report(A, PRIMARY | SUSPECTED, 100));
    lab.hear(report(B, PRIMARY | FAILED, 200));
    expect(isFailed(lab.node(C))).toBe(false);
    expect(countReports(lab.state, lab.node(C), lab.world.now_ms)).toBe(2);
  });

  test('a report is withdrawn by gossip without it', () => {
    const lab = threePrimaries();
    lab.know(C);
    lab.hear(report(A, PRIMARY | SUSPECTED, 100));
    lab.hear(report(A, PRIMARY, 100));
    expect(countReports(lab.state, lab.node(C), lab.world.now_ms)).toBe(0);
  });

  test('a report counts for twice the node timeout', () => {
    const lab = threePrimaries();
    lab.know(C);
    lab.hear(report(A, PRIMARY | SUSPECTED, 100));
    expect(countReports(lab.state, lab.node(C), lab.world.now_ms + 4000)).toBe(1);
    expect(countReports(lab.state, lab.node(C), lab.world.now_ms + 4001)).toBe(0);
  });

  test('a replica has no say', () => {
    const lab = threePrimaries();
    lab.know(R, { primary: A });
    lab.know(C);
    const head = header(R, { primary: A, slots: range(100, 199), epoch: 2 });
    lab.hear(heartbeat('ping', head, [gossipAbout(C, PRIMARY | SUSPECTED)]));
    expect(countReports(lab.state, lab.node(C), lab.world.now_ms)).toBe(0);
  });

  test('a FAIL message is believed at once, but not about ourselves', () => {
    const lab = threePrimaries();
    lab.hear({ type: FAIL, header: header(A, { slots: range(100, 199), epoch: 2 }), failed: B });
    lab.hear({ type: FAIL, header: header(A, { slots: range(100, 199), epoch: 2 }), failed: ME });
    expect(isFailed(lab.node(B))).toBe(true);
    expect(isFailed(lab.state.myself)).toBe(false);
  });

  test('a node that does not answer is suspected after the node timeout, not before', () => {
    const lab = threePrimaries();
    lab.wait(1100);
    expect(lab.node(A).pingSent_ms).toBeGreaterThan(0);
    const pinged_ms = lab.node(A).pingSent_ms;
    while (lab.world.now_ms < pinged_ms + 2000) lab.wait(100);
    expect(lab.node(A).flags & SUSPECTED).toBe(0);
    lab.wait(100);
    expect(lab.node(A).flags & SUSPECTED).toBe(SUSPECTED);
  });

  test('a failed primary with slots is well again only after twice the node timeout, a replica at once', () => {
    const lab = threePrimaries();
    lab.know(R, { primary: A });
    for (const id of [B, R]) {
      lab.hear({ type: FAIL, header: header(A, { slots: range(100, 199), epoch: 2 }), failed: id });
    }
    const pong = heartbeat('pong', header(B, { slots: range(200, 299), epoch: 3 }));
    lab.answer(lab.node(B).link, pong);
    lab.answer(lab.node(R).link, heartbeat('pong', header(R, { primary: A, slots: range(100, 199), epoch: 2 })));
    expect([isFailed(lab.node(B)), isFailed(lab.node(R))]).toEqual([true, false]);
    lab.world.now_ms += 4001;
    lab.answer(lab.node(B).link, pong);
    expect(isFailed(lab.node(B))).toBe(false);
  });
});

describe('claims', () => {
  const claim = (epoch: number, slots = range(0, 9)): ReturnType<typeof heartbeat> =>
    heartbeat('ping', header(A, { slots, epoch }));

  test('a newer epoch takes slots, an older or equal one does not', () => {
    const lab = threePrimaries();
    lab.state.myself.configEpoch = 5;
    lab.hear(claim(5));
    expect(ownerIn(lab, 0)).toBe(ME);
    const effects = lab.hear(claim(9));
    expect(ownerIn(lab, 0)).toBe(A);
    expect(effects).toContainEqual({ type: 'slotsLost', slots: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] });
  });

  test('the keys of a lost slot are deleted', () => {
    const lab = threePrimaries();
    lab.keysInSlots.set(3, 7);
    expect(lab.hear(claim(6))).toContainEqual({ type: 'deleteKeysInSlots', slots: [3] });
  });

  test('an outdated claim is answered with an UPDATE on our own link', () => {
    const lab = threePrimaries();
    const [update] = sends(lab.hear(claim(2, range(200, 201)))).filter(({ type }) => type === UPDATE);
    expect(update).toMatchObject({ owner: B, ownerEpoch: 3 });
  });

  test('a slot that is not claimed any more stays with its owner, until anyone claims it', () => {
    const lab = threePrimaries();
    lab.hear(heartbeat('ping', header(B, { slots: range(200, 298), epoch: 3 })));
    expect(ownerIn(lab, 299)).toBe(B);
    lab.hear(heartbeat('ping', header(A, { slots: [...range(100, 199), ...range(299, 299)], epoch: 2 })));
    expect(ownerIn(lab, 299)).toBe(A);
  });

  test('a slot that is claimed again is its owner’s as before', () => {
    const lab = threePrimaries();
    lab.hear(heartbeat('ping', header(B, { slots: range(200, 298), epoch: 3 })));
    lab.hear(heartbeat('ping', header(B, { slots: range(200, 299), epoch: 3 })));
    lab.hear(heartbeat('ping', header(A, { slots: [...range(100, 199), ...range(299, 299)], epoch: 2 })));
    expect(ownerIn(lab, 299)).toBe(B);
  });

  test('a slot that is being imported is not taken by a claim', () => {
    const lab = threePrimaries();
    lab.command({ type: 'setSlotImporting', slot: 200, node: B });
    lab.hear(heartbeat('ping', header(A, { slots: range(100, 200), epoch: 9 })));
    expect(ownerIn(lab, 200)).toBe(B);
  });

  test('who loses its last slot follows the one who took it', () => {
    const lab = threePrimaries();
    const effects = lab.hear(claim(6, range(0, 199)));
    expect(isReplica(lab.state.myself)).toBe(true);
    expect(effects).toContainEqual({
      type: 'replicate',
      node: A,
      ip: '10.0.0.9',
      port: 7001,
      plainPort: 0,
      newShard: true,
    });
  });

  test('without leave to migrate, it follows only one who took exactly its slots', () => {
    for (const [slots, follows] of [
      [range(0, 199), false],
      [range(0, 99), true],
    ] as const) {
      const lab = threePrimaries();
      lab.state.config.allowReplicaMigration = false;
      lab.hear(claim(6, slots));
      expect(isReplica(lab.state.myself)).toBe(follows);
    }
  });

  test('an UPDATE moves slots, but not with an epoch that is known already, and not our own', () => {
    const lab = threePrimaries();
    const update = (owner: string, ownerEpoch: number): Message => ({
      type: UPDATE,
      header: header(B, { slots: range(200, 299), epoch: 3 }),
      owner,
      ownerEpoch,
      ownerSlots: header(A, { slots: range(0, 9) }).slots,
    });
    lab.hear(update(A, 2));
    lab.hear(update(ME, 50));
    expect(ownerIn(lab, 0)).toBe(ME);
    lab.hear(update(A, 60));
    expect(ownerIn(lab, 0)).toBe(A);
    expect(lab.state.currentEpoch).toBeGreaterThanOrEqual(60);
  });

  test('a primary that turns replica leaves its slots behind', () => {
    const lab = threePrimaries();
    lab.hear(heartbeat('ping', header(B, { primary: A, slots: range(100, 199), epoch: 2 })));
    expect(isReplica(lab.node(B))).toBe(true);
    expect(lab.node(A).replicas.map(({ id }) => id)).toEqual([B]);
    expect(ownerIn(lab, 200)).toBeUndefined();
  });
});

describe('votes', () => {
  /** R asks for the place of A, which has failed. */
  function election(): { lab: Lab; request: (over?: Partial<ReturnType<typeof header>>) => number } {
    const lab = threePrimaries();
    lab.know(R, { primary: A, slots: range(100, 199), epoch: 2 });
    lab.hear({ type: FAIL, header: header(B, { slots: range(200, 299), epoch: 3 }), failed: A });
    const request = (over: Partial<ReturnType<typeof header>> = {}): number => {
      const head = { ...header(R, { primary: A, slots: range(100, 199) }), configEpoch: 2, currentEpoch: 10, ...over };
      const effects = lab.hear({ type: VOTE_REQUEST, header: head });
      const persistAt = effects.findIndex((effect) => effect.type === 'persist' && effect.fsync);
      const voteAt = effects.findIndex((effect) => effect.type === 'send' && effect.message.type === VOTE);
      // What is promised is on disk first.
      expect(voteAt === -1 || (persistAt !== -1 && persistAt < voteAt)).toBe(true);
      return sends(effects).filter(({ type }) => type === VOTE).length;
    };
    return { lab, request };
  }

  test('a replica whose primary has failed gets a vote, in the epoch it asked for', () => {
    const { lab, request } = election();
    expect(request()).toBe(1);
    expect(lab.state.lastVoteEpoch).toBe(10);
    expect(lab.state.currentEpoch).toBe(10);
  });

  test('a replica whose primary is up gets no vote, unless it was agreed', () => {
    const { lab, request } = election();
    lab.node(A).flags &= ~FAILED;
    expect(request()).toBe(0);
    expect(request({ currentEpoch: 11, messageFlags: 2 })).toBe(1);
  });

  test('a vote is given once in an epoch, and once in a while for a shard', () => {
    const { lab, request } = election();
    expect(request()).toBe(1);
    expect(request()).toBe(0);
    expect(request({ currentEpoch: 11 })).toBe(0);
    lab.world.now_ms += 4000;
    expect(request({ currentEpoch: 12 })).toBe(1);
  });

  test('a request from the past gets no vote', () => {
    const { lab, request } = election();
    lab.state.currentEpoch = 11;
    expect(request()).toBe(0);
  });

  test('a candidate that has missed a newer claim to its slots gets no vote', () => {
    const { lab, request } = election();
    lab.node(A).configEpoch = 4;
    expect(request({ configEpoch: 3 })).toBe(0);
    expect(request({ configEpoch: 4 })).toBe(1);
  });

  test('a candidate with none of the data that its primary had gets no vote, unless an operator forces it', () => {
    const { lab, request } = election();
    lab.node(A).offset = 1;
    expect(request({ offset: 0 })).toBe(0);
    expect(request({ offset: 1 })).toBe(1);
    lab.world.now_ms += 4000;
    expect(request({ offset: 0, messageFlags: 2, currentEpoch: 11 })).toBe(1);
    lab.world.now_ms += 4000;
    lab.node(A).offset = 0;
    expect(request({ offset: 0, currentEpoch: 12 })).toBe(1);
  });

  test('a node without slots gives no votes', () => {
    const { lab, request } = election();
    lab.command({ type: 'flushSlots' });
    expect(request()).toBe(0);
  });

  test('a primary gets no vote', () => {
    const { lab } = election();
    const head = header(B, { slots: range(200, 299), epoch: 3, currentEpoch: 20 });
    expect(sends(lab.hear({ type: VOTE_REQUEST, header: head }))).toEqual([]);
  });
});

test('a collision of epochs is resolved by the node with the smaller id alone', () => {
  const lab = threePrimaries();
  lab.state.myself.configEpoch = 3;
  lab.hear(heartbeat('ping', header(B, { slots: range(200, 299), epoch: 3 })));
  expect(lab.state.myself.configEpoch).toBe(4);
  lab.node(B).id = '0'.repeat(40);
  lab.state.nodes.set('0'.repeat(40), lab.node(B));
  lab.hear(heartbeat('ping', header('0'.repeat(40), { slots: range(200, 299), epoch: 4 })));
  expect(lab.state.myself.configEpoch).toBe(4);
});

test('the epoch of a message is taken over, whatever the message says', () => {
  const lab = threePrimaries();
  lab.hear({ type: FAIL, header: header(A, { slots: range(100, 199), epoch: 2, currentEpoch: 77 }), failed: C });
  expect(lab.state.currentEpoch).toBe(77);
});

test('published messages of known nodes are delivered as copies', () => {
  const lab = threePrimaries();
  const channel = Buffer.from('news');
  const [effect] = lab
    .hear({ type: 4, header: header(A, { slots: range(100, 199), epoch: 2 }), channel, payload: Buffer.from('x') })
    .filter(({ type }) => type === 'deliver');
  channel.fill(0);
  expect(effect).toEqual({ type: 'deliver', sharded: false, channel: Buffer.from('news'), payload: Buffer.from('x') });
});

test('a role is told by the primary field, not by the flags', () => {
  const lab = threePrimaries();
  lab.hear(heartbeat('ping', header(B, { slots: range(200, 299), epoch: 3, flags: REPLICA })));
  expect(isReplica(lab.node(B))).toBe(false);
});
