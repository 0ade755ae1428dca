/*
 * The manifest says which files make up the append only file, one per line:
 *
 *   file appendonly.aof.2.base.rdb seq 2 type b      base: a whole data set, at most one
 *   file appendonly.aof.1.incr.aof seq 1 type h      history: replaced, to be deleted
 *   file appendonly.aof.2.incr.aof seq 2 type i      increments: commands since the base, in ascending order
 */

import { quoteWord, splitWords } from '../../config/words.ts';

export type AofFileType = 'b' | 'h' | 'i';

export interface AofFile {
  readonly name: string;
  readonly seq: number;
  readonly type: AofFileType;
}

export interface Manifest {
  base: AofFile | null;
  history: AofFile[];
  incr: AofFile[];
}

/** The data may be all there, but which of it and in which order nobody can say: start-up ends here. */
export class ManifestFailure extends Error {
  readonly path: string;
  /** Counted from 1; 0 when it is not about a line. */
  readonly line: number;
  readonly offset: number;
  readonly problem: string;
  readonly text: string;

  constructor(path: string, line: number, offset: number, text: string, problem: string) {
    super(line === 0 ? `${path}: ${problem}` : `${path}: line ${line}, byte ${offset}: ${problem}: '${text}'`);
    this.name = 'ManifestFailure';
    this.path = path;
    this.line = line;
    this.offset = offset;
    this.text = text;
    this.problem = problem;
  }
}

const LINE_BYTES_MAX = 1024;
const PAIRS_MIN = 3;

export function emptyManifest(): Manifest {
  return { base: null, history: [], incr: [] };
}

export function parseManifest(bytes: Buffer, path: string): Manifest {
  const manifest = emptyManifest();
  const text = bytes.toString('latin1');
  if (text.length === 0) throw new ManifestFailure(path, 0, 0, '', 'Found an empty AOF manifest');
  let offset = 0;
  let number = 0;
  while (offset < text.length) {
    number++;
    const end = text.indexOf('\n', offset);
    const line = text.slice(offset, end < 0 ? text.length : end);
    const fail = (problem: string): never => {
      throw new ManifestFailure(path, number, offset, line.slice(0, LINE_BYTES_MAX), problem);
    };
    // Without its end a line is torn, and what looks like seq 1 may have been 12.
    if (end < 0 || line.length >= LINE_BYTES_MAX) fail('The AOF manifest file contains too long line');
    if (!line.startsWith('#')) addFile(manifest, parseLine(line, fail), fail);
    offset += line.length + 1;
  }
  return manifest;
}

export function formatManifest(manifest: Manifest): string {
  const files = [...(manifest.base === null ? [] : [manifest.base]), ...manifest.history, ...manifest.incr];
  return files.map((file) => `file ${nameAsWord(file.name)} seq ${file.seq} type ${file.type}\n`).join('');
}

function addFile(manifest: Manifest, file: AofFile, fail: (problem: string) => never): void {
  if (file.type === 'b') {
    if (manifest.base !== null) fail('Found duplicate base file information');
    manifest.base = file;
  } else if (file.type === 'h') {
    manifest.history.push(file);
  } else {
    const last = manifest.incr.at(-1);
    if (last !== undefined && file.seq <= last.seq) fail('Found a non-monotonic sequence number');
    manifest.incr.push(file);
  }
}

function parseLine(line: string, fail: (problem: string) => never): AofFile {
  const words = splitWords(line);
  if (words === null || words.length < PAIRS_MIN * 2 || words.length % 2 !== 0) {
    return fail('Invalid AOF manifest file format');
  }
  let name = '';
  let seq = 0;
  let type = '';
  for (let i = 0; i < words.length; i += 2) {
    const key = words[i]!.toLowerCase();
    const value = words[i + 1]!;
    if (key === 'file') name = value;
    else if (key === 'seq') seq = /^\d{1,15}$/.test(value) ? Number(value) : 0;
    else if (key === 'type') type = value;
  }
  if (name.includes('/')) fail("File can't be a path, just a filename");
  if (name === '' || seq === 0 || type === '') fail('Invalid AOF manifest file format');
  if (type !== 'b' && type !== 'h' && type !== 'i') return fail('Unknown AOF file type');
  return { name, seq, type };
}

function nameAsWord(name: string): string {
  return /^[\x21\x23-\x26\x28-\x5b\x5d-\x7e]+$/.test(name) ? name : quoteWord(name);
}
