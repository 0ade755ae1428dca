import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generate } from './docs/pages.ts';

/*
 * `npm run docs`: writes the pages that are made of the server's own tables. With `--check` it writes nothing, names the
 * pages that are out of date and ends with 1; so it runs as a test.
 */

const root = dirname(import.meta.dirname);
const read = (path: string): string => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : '');
const stale = [...(await generate(read))].filter(([path, text]) => read(path) !== text);

if (process.argv.includes('--check')) {
  for (const [path] of stale) process.stdout.write(`${path} is out of date: npm run docs\n`);
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const [path, text] of stale) {
    writeFileSync(join(root, path), text);
    process.stdout.write(`${path} written\n`);
  }
}
