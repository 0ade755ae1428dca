import { execFileSync } from 'node:child_process';
import { packageRoot } from '../bin/pick-node.js';

/* Asks npm what it would publish, and stops when something needed is missing or something else slipped in. */

const NEEDED = [
  'LICENSE',
  'README.md',
  'bin/pick-node.js',
  'bin/rkv-server.js',
  'bin/run.js',
  'dist/index.js',
  'dist/main.js',
  'dist/server.mjs',
  'dist/types/index.d.ts',
  'oclif.manifest.json',
  'package.json',
];
const WELCOME = /^(?:bin|dist|templates)\/|^(?:LICENSE|README\.md|CHANGELOG\.md|package\.json|oclif\.manifest\.json)$/;

const json = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
  cwd: packageRoot,
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [{ files, size, unpackedSize }] = [JSON.parse(json)].flatMap((packed) => Object.values(packed));
const paths = files.map(({ path }) => path);
const complaints = [
  ...NEEDED.filter((path) => !paths.includes(path)).map((path) => `${path} is missing`),
  ...paths.filter((path) => !WELCOME.test(path)).map((path) => `${path} does not belong into the package`),
];
for (const complaint of complaints) process.stdout.write(`${complaint}\n`);
if (complaints.length > 0) process.exitCode = 1;
process.stdout.write(`${paths.length} files, ${mebibytes(size)} packed, ${mebibytes(unpackedSize)} installed\n`);

function mebibytes(bytes) {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
