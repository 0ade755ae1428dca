import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { findNode, packageRoot, packageVersion } from '../bin/pick-node.js';

/*
 * Builds dist/ from src/. Three bundles, each for its own reason:
 *
 *   main.js + commands/   the command line, split: one file per command, as oclif wants it, and shared chunks. Bundled
 *                         with its libraries, because finding and reading hundreds of small files is most of what a
 *                         command line does before its first word.
 *   server.mjs            the server, one file: nothing to find at start-up, and no library of the command line in it.
 *   index.js              what a program imports; what it does not use yet is loaded when it is first called.
 *
 * Files are written only where they changed and moved into place whole, so that a build does not pull the ground from
 * under a command that is running; and nothing is built when no source was touched since the last time. This file runs on
 * Node 20 too: `npm ci` may start it on whatever Node is there.
 */

const DIST = join(packageRoot, 'dist');
const SRC = join(packageRoot, 'src');
/** What was built of what, so that the next build can tell that there is nothing to do. */
const STAMP = join(packageRoot, 'node_modules/.cache/rkv-build.json');

/** Every file this build produced; what else lies in dist/ is left over from an older one. */
const produced = new Set();
/** Folders of the libraries that ended up in a bundle. */
const libraries = new Set();
const started_ms = performance.now();

/**
 * Modules of Node that are large to load, and that many a run never needs: loaded when one of their functions is first
 * called, or when something is taken from what was imported as a whole.
 */
const LATE = new Set(['tls', 'crypto', 'child_process', 'dns/promises']);

/** The same of those that libraries require: whatever they take from one, they take when they use it. */
const LATE_IN_LIBRARIES = ['tls', 'crypto', 'child_process', 'readline', 'perf_hooks'];

/** The other half of enableWholeCompileCache in bin/: Node's own modules have caches that were made with this flag. */
const AGAIN_LAZY = 'globalThis.process.getBuiltinModule("node:v8").setFlagsFromString("--lazy"); ';

/**
 * Parts of libraries that we have no use for and would pay for: ink's developer tools, which are a browser program, and
 * oclif's question whether Linux runs under Windows, which loads a dozen modules for one word of its version line.
 */
const STUBS = { 'react-devtools-core': 'export default {};', 'wsl-utils': 'export const isWsl = false;' };
const withStubs = {
  name: 'with-stubs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^(?:${Object.keys(STUBS).join('|')})$`) }, ({ path }) => ({
      path,
      namespace: 'stub',
    }));
    onLoad({ filter: /.*/, namespace: 'stub' }, ({ path }) => ({ contents: STUBS[path] }));
  },
};

process.chdir(packageRoot);
const sources = digestOfSources();
if (isBuiltOf(sources)) {
  process.stdout.write('built already\n');
} else {
  rmSync(STAMP, { force: true });
  await buildCommandLine();
  await buildServer();
  await buildLibrary();
  writeNotices();
  removeLeftovers(DIST);
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, JSON.stringify({ sources, outputs: digestOf(outputs()) }));
  process.stdout.write(`built ${produced.size} files in ${Math.round(performance.now() - started_ms)} ms\n`);
}

/** Of everything that a build reads, by name, size and time of change. */
function digestOfSources() {
  const here = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
  const folders = ['src', 'bin', 'scripts'].flatMap((folder) =>
    listFiles(join(packageRoot, folder)).map((file) => join(folder, file)),
  );
  return digestOf([...here, ...folders].map((file) => join(packageRoot, file)));
}

function isBuiltOf(sources) {
  try {
    const stamp = JSON.parse(readFileSync(STAMP, 'utf8'));
    return stamp.sources === sources && stamp.outputs === digestOf(outputs());
  } catch {
    return false;
  }
}

/** Also what somebody else has put there, or taken away. */
function outputs() {
  const files = listFiles(DIST).map((file) => join(DIST, file));
  return [...files, join(packageRoot, 'oclif.manifest.json')];
}

function digestOf(files) {
  const hash = createHash('sha256');
  for (const file of files.sort()) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

async function buildCommandLine() {
  const commands = listFiles(join(SRC, 'commands')).filter((file) => /\.tsx?$/.test(file));
  const entryPoints = { main: 'src/cli.ts' };
  for (const file of commands) entryPoints[join('commands', file.replace(/\.tsx?$/, ''))] = join('src/commands', file);
  await bundle({ entryPoints, splitting: true, chunkNames: 'chunks/[name]-[hash]' });
  writeManifest();
}

async function buildServer() {
  await bundle({ entryPoints: { server: 'src/server/main.ts' }, outExtension: { '.js': '.mjs' } }, AGAIN_LAZY);
  // The Lua machine is read from beside the code that starts it; in the bundles that is dist/ itself.
  for (const file of listFiles(join(SRC, 'server'))) {
    if (file.endsWith('.wasm')) produce(join(DIST, basename(file)), readFileSync(join(SRC, 'server', file)));
  }
}

async function buildLibrary() {
  if (!existsSync(join(SRC, 'index.ts'))) {
    process.stdout.write('skipped the library: there is no src/index.ts yet\n');
    return;
  }
  // Chunks lie beside index.js and not in a folder, so that files are found beside the code here as in server.mjs.
  await bundle({ entryPoints: { index: 'src/index.ts' }, splitting: true, chunkNames: 'index-[name]-[hash]' });
  writeTypes();
}

async function bundle(options, first = '') {
  const result = await build({
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node22.12',
    outdir: DIST,
    write: false,
    metafile: true,
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    jsx: 'automatic',
    logLevel: 'warning',
    define: {
      RKV_VERSION: JSON.stringify(packageVersion()),
      'process.env.NODE_ENV': '"production"',
      // bin/ has looked at the version already; oclif would load all of semver to look again.
      'process.env.OCLIF_DISABLE_ENGINE_WARNING': '"1"',
    },
    // CommonJS libraries inside a module still expect these three names.
    banner: {
      js: [
        "import { createRequire as createRequireOfBundle } from 'node:module';",
        'const require = createRequireOfBundle(import.meta.url);',
        'const __filename = import.meta.filename, __dirname = import.meta.dirname;',
      ].join('\n'),
    },
    plugins: [withStubs],
    ...options,
  });
  for (const file of result.outputFiles) {
    produce(file.path, file.path.endsWith('.map') ? file.contents : first + quickenBuiltins(file.text));
  }
  for (const input of Object.keys(result.metafile.inputs)) noteLibrary(input);
}

/**
 * Has modules of Node taken as they are instead of imported. To import one means to read every name it exports, and many
 * of those are getters that load further modules: of node:util a start would get the worker threads, of node:fs readline.
 * All of it happens on the first line, so that whatever was imported is there before anything runs, and lines keep
 * their numbers for the source map.
 */
function quickenBuiltins(code) {
  const taken = [];
  const rest = code.replace(
    /^import (?:(\w+)(?:, )?)?(?:\{([^{}]*)\})? ?from ["']([\w:/]+)["'];$/gm,
    (statement, whole, names, specifier) => {
      if (!isBuiltin(specifier)) return statement;
      taken.push(takeBuiltin(`node:${specifier.replace(/^node:/, '')}`, { whole, names }));
      return statement.replace(/[^\n]+/g, '');
    },
  );
  return `${taken.join(' ')}${delayRequired(rest)}`;
}

function delayRequired(code) {
  const required = new RegExp(`__require\\("(?:node:)?(${LATE_IN_LIBRARIES.join('|')})"\\)`, 'g');
  return code.replace(required, (_, name) => late(`globalThis.process.getBuiltinModule("node:${name}")`));
}

function late(source) {
  return `new Proxy({}, { get: (_, name) => ${source}[name] })`;
}

function takeBuiltin(specifier, { whole, names = '' }) {
  const source = `globalThis.process.getBuiltinModule("${specifier}")`;
  const isLate = LATE.has(specifier.slice('node:'.length));
  const pairs = names
    .split(',')
    .map((pair) => pair.trim().split(/ as /))
    .filter(([name]) => name !== '');
  const module = createRequire(import.meta.url)(specifier);
  // Only functions can be stood in for, not classes or values; and not those that promisify treats in a way of their own.
  const isPlain = (it) => typeof it === 'function' && it[promisify.custom] === undefined;
  const isStoodIn = ([name]) => isLate && /^[a-z]/.test(name) && isPlain(module[name]);
  const stoodIn = pairs
    .filter(isStoodIn)
    .map(([name, local = name]) => `const ${local} = (...args) => ${source}.${name}(...args);`);
  const now = pairs.filter((pair) => !isStoodIn(pair)).map(([name, local = name]) => `${name}: ${local}`);
  return [
    ...(whole === undefined ? [] : [`const ${whole} = ${isLate ? late(source) : source};`]),
    ...(now.length === 0 ? [] : [`const { ${now.join(', ')} } = ${source};`]),
    ...stoodIn,
  ].join(' ');
}

/** oclif reads this table instead of loading every command, and then loads the one that was asked for. */
function writeManifest() {
  run(['scripts/manifest.mjs']);
}

/** Declarations only; whether the types are right is the business of `npm run typecheck`. */
function writeTypes() {
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  run([tsc, '-p', 'tsconfig.build.json']);
  for (const file of listFiles(join(DIST, 'types'))) produced.add(join(DIST, 'types', file));
}

/** A bundle carries the code of others, and their licences ask to be carried with it. */
function writeNotices() {
  const notices = [...libraries].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file === undefined ? '' : `\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
    return `${name} ${version} (${license})\n${text}`;
  });
  if (notices.length > 0) produce(join(DIST, 'THIRD-PARTY.txt'), notices.join(`\n${'-'.repeat(80)}\n\n`));
}

function noteLibrary(input) {
  const folder = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
  if (folder !== undefined) libraries.add(folder);
}

function produce(path, contents) {
  produced.add(path);
  const bytes = Buffer.from(contents);
  if (existsSync(path) && readFileSync(path).equals(bytes)) return;
  mkdirSync(dirname(path), { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  writeFileSync(unfinished, bytes);
  renameSync(unfinished, path);
}

function removeLeftovers(folder) {
  for (const file of listFiles(folder)) {
    if (!produced.has(join(folder, file))) rmSync(join(folder, file), { force: true });
  }
}

function run(argv) {
  const { status, error } = spawnSync(findNode(), argv, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${argv.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`);
}

/** Paths of all files below a folder, relative to it. */
function listFiles(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)));
}
