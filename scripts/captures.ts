import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { terminalSvg } from './captures/svg.ts';

/*
 * `npm run captures`: runs the commands that the documentation shows, with a home of their own, and writes what they
 * print to docs/captures: as text at two widths, and as a picture. Needs the build, and ports 7000 to 7005 free.
 */

const root = dirname(import.meta.dirname);
const folder = join(root, 'docs/captures');
const WIDTHS = [80, 140] as const;
/** The servers of a first start on a slow machine; a command that hangs ends the script. */
const COMMAND_MS_MAX = 120_000;
const home = mkdtempSync(join(tmpdir(), 'rkv-captures-'));

try {
  for (const columns of WIDTHS) await capture(columns);
} finally {
  run(['cluster', 'destroy', '--yes'], 80);
  rmSync(home, { recursive: true, force: true });
}
// The generated pages hold some of them.
spawnSync(process.execPath, [join(root, 'scripts/docs.ts')], { stdio: 'inherit' });

async function capture(columns: number): Promise<void> {
  const keep = (name: string, argv: readonly string[]): void => write(name, argv, columns);
  keep('help', ['--help']);
  await withPortTaken(7003, () => keep('create-port-taken', ['cluster', 'create']));
  keep('create', ['cluster', 'create']);
  expectOk(['wait', 'ready']);
  keep('status', ['status']);
  keep('verify', ['verify']);
  expectOk(['node', 'kill', '7000']);
  // The survivors fail over within seconds.
  expectOk(['wait', 'ok', '--timeout', '60']);
  keep('verify-after-a-loss', ['verify']);
  expectOk(['cluster', 'destroy', '--yes']);
}

function write(name: string, argv: readonly string[], columns: number): void {
  const shown = `$ npx rkv ${argv.join(' ')}\n${run(argv, columns).output}`;
  writeFileSync(join(folder, `${name}-${columns}.txt`), `${stripVTControlCharacters(shown).trimEnd()}\n`);
  if (columns === 80)
    writeFileSync(join(folder, `${name}.svg`), terminalSvg(shown, { title: `rkv ${argv.join(' ')}`, columns }));
}

function expectOk(argv: readonly string[]): void {
  const { status, output } = run(argv, 80);
  if (status !== 0) throw new Error(`rkv ${argv.join(' ')} ended with ${status}:\n${output}`);
}

/** What a person sees: both streams, in their order, in colour, with the program named as npx names it. */
function run(argv: readonly string[], columns: number): { status: number | null; output: string } {
  const printed = join(home, '.printed');
  const { status } = spawnSync(
    'sh',
    ['-c', 'exec "$0" "$@" >"$PRINTED" 2>&1', process.execPath, join(root, 'bin/run.js'), ...argv],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: home,
        RKV_HOME: home,
        PRINTED: printed,
        LANG: 'C.UTF-8',
        COLUMNS: `${columns}`,
        FORCE_COLOR: '1',
        npm_command: 'exec',
      },
      timeout: COMMAND_MS_MAX,
    },
  );
  return { status, output: readFileSync(printed, 'utf8') };
}

async function withPortTaken(port: number, work: () => void): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  work();
  await new Promise((resolve) => server.close(resolve));
}
