import { expect, test } from 'vitest';
import { changedLines } from '../../src/view/changed.ts';
import { renderLines } from '../../src/view/line.ts';

const plain = { color: false, unicode: true };
const sentence = (changed: number[], unchanged: number[], verb: Parameters<typeof changedLines>[1]): string =>
  renderLines(changedLines({ cluster: 'default', folder: '', changed, unchanged }, verb), plain);

test('one sentence says what became of nodes, and of those that stayed as they were', () => {
  expect(sentence([7000], [7001, 7002, 7004], 'started')).toBe(
    'Cluster default: 1 node started (7000), 7001-7002, 7004 already running\n',
  );
  expect(sentence([], [7000, 7001], 'stopped')).toBe('Cluster default: no node stopped, 7000-7001 already stopped\n');
  expect(sentence([], [7000], 'paused')).toBe('Cluster default: no node paused, 7000 not running\n');
  expect(sentence([7000, 7001], [], 'destroyed')).toBe('Cluster default: 2 nodes destroyed (7000-7001)\n');
});
