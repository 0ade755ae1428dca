import { expect, test } from 'vitest';
import type { ProcessState } from '../../src/cluster/node/silence.ts';
import { changedLines } from '../../src/view/changed.ts';
import { renderLines } from '../../src/view/line.ts';

const plain = { color: false, unicode: true };
const sentence = (
  changed: number[],
  found: Readonly<Record<string, ProcessState>>,
  verb: Parameters<typeof changedLines>[1],
): string => {
  const unchanged = Object.keys(found).map(Number);
  return renderLines(changedLines({ cluster: 'default', folder: '', changed, unchanged, found }, verb), plain);
};

test('one sentence says what became of nodes, and of those that stayed as they were', () => {
  expect(sentence([7000], { 7001: 'running', 7002: 'running', 7004: 'running' }, 'started')).toBe(
    'Cluster default: 1 node started (7000), 7001-7002, 7004 already running\n',
  );
  expect(sentence([], { 7000: 'stopped', 7001: 'stopped' }, 'stopped')).toBe(
    'Cluster default: no node stopped, 7000-7001 already stopped\n',
  );
  expect(sentence([7001], { 7000: 'stopped', 7002: 'paused' }, 'paused')).toBe(
    'Cluster default: 1 node paused (7001), 7000 not running, 7002 already paused\n',
  );
  expect(sentence([], { 7000: 'stopped', 7002: 'running' }, 'resumed')).toBe(
    'Cluster default: no node resumed, 7000 not running, 7002 not paused\n',
  );
  expect(sentence([7000, 7001], {}, 'destroyed')).toBe('Cluster default: 2 nodes destroyed (7000-7001)\n');
});
