import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startServer } from '../../src/index.ts';
import { ROOT, rkv, temporaryHome } from './rkv.ts';

/* docs/cli.md says what --json prints; here is what it prints. */

const page = readFileSync(join(ROOT, 'docs/cli.md'), 'utf8');
const { home, remove } = temporaryHome();
afterAll(remove);

async function printed(...argv: readonly string[]) {
  const { stdout } = await rkv([...argv, '--json'], { home });
  return JSON.parse(stdout);
}

/** The names that a shape of the page has, those with ? apart. */
function shape(name: string): { needed: string[]; optional: string[] } {
  const body = new RegExp(`^interface ${name} \\{\\n([\\s\\S]*?)^\\}`, 'm').exec(page)?.[1] ?? '';
  const fields = [...body.matchAll(/^ {2}(\w+)(\??):/gm)];
  const pick = (mark: string) => fields.filter((field) => field[2] === mark).map((field) => field[1] as string);
  return { needed: pick(''), optional: pick('?') };
}

function expectShape(value: object, name: string): void {
  const { needed, optional } = shape(name);
  expect(needed.length).toBeGreaterThan(0);
  expect(Object.keys(value)).toEqual(expect.arrayContaining(needed));
  expect(Object.keys(value).filter((key) => !needed.includes(key) && !optional.includes(key))).toEqual([]);
}

describe('what --json prints is what the page says', () => {
  test('of a plan', async () => {
    const { status, result, warnings } = await printed('cluster', 'create', '--dry-run');
    expect({ status, warnings: Array.isArray(warnings) }).toEqual({ status: 'ok', warnings: true });
    expectShape(result, 'ClusterPlan');
    expectShape(result.nodes[0], 'NodePlan');
  });

  test('of no clusters', async () => {
    expect(await printed('cluster', 'list')).toEqual({ status: 'ok', result: { clusters: [] }, warnings: [] });
  });

  test('of a verification that fails, with its result', async () => {
    await using server = await startServer({ 'cluster-enabled': true });
    const { status, error, result } = await printed('verify', `127.0.0.1:${server.port}`);
    expect(status).toBe('error');
    expectShape(error, 'Failure');
    expectShape(result.report, 'Report');
    expectShape(result.report.checks[0], 'Check');
    expectShape(result.report.findings[0], 'Finding');
    expectShape(result.topology, 'Topology');
    expectShape(result.topology.nodes[0], 'NodeView');
    expectShape(result.topology.nodes[0].replication, 'ReplicationView');
  });

  test('of a usage error', async () => {
    const { status, error } = await printed('wait', 'foo');
    expect(status).toBe('error');
    expectShape(error, 'Failure');
  });
});
