import { describe, expect, test } from 'vitest';
import { CliFailure, EXIT } from '../../src/cluster/run/failure.ts';
import { type Progress, runSteps } from '../../src/cluster/run/run.ts';
import { failureLines } from '../../src/view/failure-block.ts';
import { line, renderLines } from '../../src/view/line.ts';
import { present } from '../../src/view/present.ts';
import { advance, NOTHING_YET, progressLines } from '../../src/view/progress.ts';
import { terminalOf } from './sample-cluster.ts';

const plain = { color: false, unicode: true };
const STEPS = [
  { id: 'servers', title: 'servers ready' },
  { id: 'join', title: 'nodes joined' },
  { id: 'replicas', title: 'replicas attached' },
];

function textOf(events: readonly Progress[], { now_ms = 0, final = false, columns = 80 } = {}): string {
  const snapshot = events.reduce((state, event) => advance(state, event, 0), NOTHING_YET);
  return renderLines(progressLines(snapshot, { terminal: terminalOf(columns), now_ms, final }), plain);
}

describe('a live view', () => {
  const events: Progress[] = [
    { type: 'begin', steps: STEPS },
    { type: 'start', step: 'servers', title: 'servers ready' },
    { type: 'done', step: 'servers', title: 'servers ready', text: '6 of 6', took_ms: 210 },
    { type: 'start', step: 'join', title: 'nodes joined' },
    { type: 'wait', step: 'join', text: 'waiting for 7003 to see 7005 (bus 17005)', left_ms: 13_000 },
  ];

  test('has a line for each phase, and one for what is waited for', () => {
    expect(`\n${textOf(events, { now_ms: 1000 })}`).toBe(`
 ✓ servers ready        6 of 6                                        210 ms
 ⠹ nodes joined                                                        1.0 s
     waiting for 7003 to see 7005 (bus 17005)… 12 s left
 · replicas attached
`);
  });

  test('leaves no pending phase and no wait behind', () => {
    const failed: Progress = {
      type: 'failed',
      step: 'join',
      title: 'nodes joined',
      text: 'not within 13 s',
      took_ms: 13_000,
    };
    expect(`\n${textOf([...events, failed], { final: true })}`).toBe(`
 ✓ servers ready        6 of 6                                        210 ms
 ✗ nodes joined         not within 13 s                                 13 s
`);
  });

  test('says a warning whole, on as many lines as it needs', () => {
    const text =
      'ports 34030-34035 lie in the range for outgoing connections (32768-60999): another program may take one';
    const lines = textOf([{ type: 'warning', text }])
      .trimEnd()
      .split('\n');
    expect(lines.map((row) => row.slice(3)).join(' ')).toBe(text);
    expect(Math.max(...lines.map((row) => row.length))).toBeLessThanOrEqual(80);
  });
});

describe('in a pipe', () => {
  test('one line is written when a phase ends, and the failure is set off', async () => {
    const written: string[] = [];
    const steps = [
      { id: 'a', title: 'ports free', run: async () => '7000-7005' },
      {
        id: 'b',
        title: 'servers ready',
        run: async () => {
          throw new CliFailure('node 7003 did not start', { code: 'NODE_DIED', exit: EXIT.unexpected });
        },
      },
    ];
    const shown = present(runSteps(steps), {
      mode: 'plain',
      terminal: terminalOf(80, { cut: false }),
      stream: { write: (text: string) => written.push(text) } as unknown as NodeJS.WriteStream,
      heading: line('Creating cluster default'),
      onWarning: () => {},
    });
    await expect(shown).rejects.toThrow('node 7003 did not start');
    expect(written.join('').replace(/ +\d+ ms\n/g, '\n')).toBe(
      'Creating cluster default\n\n ✓ ports free           7000-7005\n ✗ servers ready        node 7003 did not start\n\n',
    );
  });

  test('nothing is written when it shall be silent, and warnings are handed over all the same', async () => {
    const warnings: string[] = [];
    const steps = [
      {
        id: 'a',
        title: 'ports free',
        run: async (report: { warn(text: string): void }) => {
          report.warn('close to the edge');
          return '';
        },
      },
    ];
    await present(runSteps(steps), {
      mode: 'silent',
      terminal: terminalOf(80),
      stream: { write: () => expect.unreachable() } as unknown as NodeJS.WriteStream,
      heading: line('Creating'),
      onWarning: (text) => warnings.push(text),
    });
    expect(warnings).toEqual(['close to the edge']);
  });
});

test('a failure says what, why, what the log says, what was undone and what to try', () => {
  const failure = {
    message: 'node 127.0.0.1:7003 did not start',
    why: 'Could not bind 127.0.0.1:17003: address in use (the bus port is always port + 10000), as other words go on',
    log: { file: '/x/default/nodes/7003/server.log', lines: ['* Failed listening on port 17003 (TCP), aborting.'] },
    undone: '5 servers stopped, files removed',
    suggestions: ['rkv cluster create --port 7100', "ss -ltnp 'sport = :17003'"],
  };
  expect(`\n${renderLines(failureLines(failure, terminalOf(80)), plain)}`).toBe(`
Error: node 127.0.0.1:7003 did not start
  why    Could not bind 127.0.0.1:17003: address in use (the bus port is always
         port + 10000), as other words go on
  log    /x/default/nodes/7003/server.log, last lines:
           * Failed listening on port 17003 (TCP), aborting.
  undone 5 servers stopped, files removed
  try    rkv cluster create --port 7100
         ss -ltnp 'sport = :17003'
`);
});
