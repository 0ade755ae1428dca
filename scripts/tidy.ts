import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { checkAll, format } from './tidy/rules.ts';
import { readSource, type Source } from './tidy/source.ts';

/*
 * `npm run tidy`: one pass over all our sources for the rules that compiler and linter do not know: layers, cycles,
 * sizes, names, leftovers. Says one line per finding, and how many there were. It also runs as a test.
 */

const FOLDERS = ['bench', 'bin', 'scripts', 'src', 'test'];

const sources = readProject(dirname(import.meta.dirname));
const findings = checkAll(sources);
for (const finding of findings) process.stdout.write(`${format(finding)}\n`);
const count = findings.length === 0 ? 'nothing' : `${findings.length} finding${findings.length === 1 ? '' : 's'}`;
process.stdout.write(`tidy: ${count} in ${sources.length} files\n`);
if (findings.length > 0) process.exitCode = 1;

function readProject(root: string): Source[] {
  return FOLDERS.filter((folder) => existsSync(join(root, folder))).flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.(?:ts|tsx|js|mjs)$/.test(file) && !file.includes('node_modules'))
      .map((file) => `${folder}/${file.replaceAll('\\', '/')}`)
      .sort()
      .map((path) => readSource(path, readFileSync(join(root, path), 'utf8'))),
  );
}
