import { expect, test } from 'vitest';
import { CliFailure, EXIT } from '../../../src/cluster/run/failure.ts';
import { finish, type Progress, runSteps, type Step } from '../../../src/cluster/run/run.ts';

function recording(log: string[], failAt?: string): Step[] {
  return ['a', 'b', 'c'].map((id) => ({
    id,
    title: `step ${id}`,
    async run(report) {
      log.push(`run ${id}`);
      report.update('half');
      if (id === failAt) throw new CliFailure('no', { code: 'NO', exit: EXIT.conflict });
      return `did ${id}`;
    },
    async undo() {
      log.push(`undo ${id}`);
      return `${id} undone`;
    },
  }));
}

const words = (events: readonly Progress[]): string[] =>
  events.map((event) => `${event.type} ${'step' in event ? event.step : 'text' in event ? event.text : ''}`.trim());

test('steps run in order, and every event of one comes before the next begins', async () => {
  const log: string[] = [];
  const events: Progress[] = [];
  await finish(runSteps(recording(log)), (event) => events.push(event));
  expect(log).toEqual(['run a', 'run b', 'run c']);
  expect(words(events)).toEqual([
    'begin',
    ...['a', 'b', 'c'].flatMap((id) => [`start ${id}`, `update ${id}`, `done ${id}`]),
  ]);
});

test('a failure undoes what was begun, newest first, and says so', async () => {
  const log: string[] = [];
  const events: Progress[] = [];
  const failure = await finish(runSteps(recording(log, 'b')), (event) => events.push(event)).catch((error) => error);
  expect(log).toEqual(['run a', 'run b', 'undo b', 'undo a']);
  expect(failure).toMatchObject({ code: 'NO', exit: 6, undone: 'b undone, a undone' });
  expect(words(events).slice(-2)).toEqual(['failed b', 'undone b undone, a undone']);
});

test('nothing is undone when the user wants to look', async () => {
  const log: string[] = [];
  const failure = await finish(runSteps(recording(log, 'b'), { keepOnFailure: true })).catch((error) => error);
  expect(log).toEqual(['run a', 'run b']);
  expect(failure.undone).toBeNull();
});

test('an undo that fails does not keep the others from being undone', async () => {
  const log: string[] = [];
  const steps = recording(log, 'c').map((step) =>
    step.id === 'b' ? { ...step, undo: () => Promise.reject(new Error('stuck')) } : step,
  );
  const failure = await finish(runSteps(steps)).catch((error) => error);
  expect(log.slice(-2)).toEqual(['undo c', 'undo a']);
  expect(failure.undone).toBe("c undone, could not undo 'step b': stuck, a undone");
});

test('an interruption ends the running step, undoes all, and exits with 130', async () => {
  const log: string[] = [];
  const controller = new AbortController();
  const waiting: Step = {
    id: 'w',
    title: 'waiting',
    run: (report, signal) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')));
        report.wait('for ever', 1000);
      }),
  };
  const operation = runSteps([...recording(log), waiting], { signal: controller.signal, what: 'the test' });
  const failure = await finish(operation, (event) => event.type === 'wait' && controller.abort()).catch(
    (error) => error,
  );
  expect(failure).toMatchObject({ code: 'INTERRUPTED', exit: 130, message: 'the test was interrupted' });
  expect(log.slice(-3)).toEqual(['undo c', 'undo b', 'undo a']);
});

test('a failure stands in JSON as on the screen', () => {
  const failure = new CliFailure('it broke', {
    code: 'X',
    exit: EXIT.timeout,
    why: 'because',
    suggestions: ['mend it'],
  });
  expect(JSON.parse(JSON.stringify(failure))).toEqual({
    code: 'X',
    exit: 4,
    message: 'it broke',
    why: 'because',
    evidence: [],
    log: null,
    undone: null,
    suggestions: ['mend it'],
  });
});
