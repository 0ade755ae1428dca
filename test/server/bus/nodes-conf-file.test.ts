import { beforeEach, expect, test } from 'vitest';
import { NodesConfFile } from '../../../src/server/bus/nodes-conf-file.ts';
import type { State } from '../../../src/server/gossip/state.ts';
import { Lab } from '../../gossip/support.ts';

/** A disk whose syncs end when the test says so. */
class Disk {
  now_ms = 0;
  written: string[] = [];
  syncs: ((why: string | null) => void)[] = [];
  lines: string[] = [];
  readonly file = new NodesConfFile({
    clock: { monotonic_ms: () => this.now_ms } as never,
    log: { warning: (line: string) => this.lines.push(line), notice: (line: string) => this.lines.push(line) } as never,
    file: 'nodes.conf',
    write: (text) => this.written.push(text),
    rest: () => {},
    sync: (done) => this.syncs.push(done),
  });
}

let disk: Disk;
let lab: Lab;
let state: State;

beforeEach(() => {
  disk = new Disk();
  lab = new Lab();
  state = lab.state;
});

function take(slot: number): void {
  lab.command({ type: 'addSlots', slots: [slot] });
  disk.file.write(state, { fsync: false });
}

test('what was synced is not synced again, and forcing it to the disk writes nothing', () => {
  take(1);
  disk.file.sync();
  disk.syncs[0]!(null);
  disk.file.sync();
  disk.file.write(state, { fsync: true });
  expect(disk.syncs).toHaveLength(1);
  expect(disk.written).toHaveLength(1);
});

test('what is written while a sync is under way is synced after it, once', () => {
  take(1);
  disk.file.sync();
  take(2);
  disk.file.sync();
  disk.file.sync();
  expect(disk.syncs).toHaveLength(1);
  disk.syncs[0]!(null);
  expect(disk.syncs).toHaveLength(2);
  disk.syncs[1]!(null);
  expect(disk.syncs).toHaveLength(2);
  disk.file.write(state, { fsync: true });
  expect(disk.written).toHaveLength(2);
});

test('a sync that fails is told once, and file and sync are tried again until they succeed', () => {
  take(1);
  disk.file.sync();
  disk.syncs[0]!('Input/output error');
  expect(disk.lines).toEqual(['The cluster config file could not be written: Input/output error']);
  disk.file.writeOwed(state);
  expect(disk.written).toHaveLength(1);
  disk.now_ms += 1000;
  disk.file.writeOwed(state);
  expect(disk.written).toHaveLength(2);
  disk.syncs[1]!('Input/output error');
  disk.now_ms += 1000;
  disk.file.writeOwed(state);
  disk.syncs[2]!(null);
  expect(disk.syncs).toHaveLength(3);
  disk.file.sync();
  expect(disk.syncs).toHaveLength(3);
});
