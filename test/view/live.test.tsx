import { render } from 'ink-testing-library';
import { expect, test } from 'vitest';
import { Lines } from '../../src/view/Live.tsx';
import { BLANK, line, toned } from '../../src/view/line.ts';
import { nodeTable } from '../../src/view/node-table.ts';
import { sampleTopology, terminalOf } from './sample-cluster.ts';

test('the live view shows the lines that a pipe would get', () => {
  const lines = [
    line(' ', toned('✓', 'good'), ' servers ready'),
    BLANK,
    ...nodeTable(sampleTopology(), terminalOf(80)),
  ];
  const { lastFrame, unmount } = render(<Lines lines={lines} terminal={terminalOf(80)} />);
  const rows = (lastFrame() ?? '').split('\n').map((row) => row.trimEnd());
  expect(rows[0]).toBe(' ✓ servers ready');
  expect(rows[1]).toBe('');
  expect(rows[3]).toBe('     1  7000    primary  up     0-5460       3,312');
  expect(rows).toHaveLength(9);
  unmount();
});

test('colour is left out where it is not wanted', () => {
  const lines = [line(toned('bad', 'bad'))];
  const colored = render(<Lines lines={lines} terminal={terminalOf(80, { color: true })} />);
  expect(colored.lastFrame()).toBe('\x1b[31mbad\x1b[39m');
  const plain = render(<Lines lines={lines} terminal={terminalOf(80)} />);
  expect(plain.lastFrame()).toBe('bad');
  colored.unmount();
  plain.unmount();
});
