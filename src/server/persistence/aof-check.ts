/*
 * Is what lies in the folder of the append only file all of it? A manifest that lost lines, or is gone, still parses; a
 * base that lost its bytes still loads. Half a log would load as if it were a whole one, and the rest would then be
 * written over. By the order in which files come and go (aof-folder.ts) none of this is left by a crash of ours.
 */
import path from 'node:path';
import type { AofFile, Manifest } from './aof-manifest.ts';

export interface FolderFacts {
  readonly folder: string;
  readonly appendfilename: string;
  readonly manifest: Manifest;
  /** Names and sizes of all files there. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** What is missing, and how to go on: for the log and error replies. Null when nothing is. */
export function whyIncomplete(facts: FolderFacts): string | null {
  return whyFilesMissing(facts) ?? whyBaseEmptied(facts) ?? whyManifestCut(facts);
}

function whyFilesMissing({ manifest, sizes }: FolderFacts): string | null {
  const { base, incr } = manifest;
  const missing = [...(base === null ? [] : [base]), ...incr].find(({ name }) => !sizes.has(name));
  return missing === undefined
    ? null
    : `Unable to open the AOF file ${missing.name} that the manifest names: No such file or directory`;
}

/**
 * An RDB has a header at least. A base of commands may be empty where redis-server began with an empty data set, which
 * makes it the first one.
 */
function whyBaseEmptied({ folder, manifest: { base }, sizes }: FolderFacts): string | null {
  if (base === null || sizes.get(base.name) !== 0) return null;
  if (!base.name.endsWith('.rdb') && base.seq === 1) return null;
  return (
    `The base of the AOF, ${path.join(folder, base.name)}, is empty: its content is lost. Restore the file from a backup; ` +
    'or remove its line from the manifest to load the increments alone, without the data that the base held'
  );
}

function whyManifestCut(facts: FolderFacts): string | null {
  const { folder, appendfilename, manifest } = facts;
  const strays = straysOf(facts);
  if (strays.length === 0) return null;
  const manifestPath = path.join(folder, `${appendfilename}.manifest`);
  const names = strays.map(({ name }) => name).join(', ');
  const lines = strays.map(({ name, seq, type }) => `file ${name} seq ${seq} type ${type}`).join('\n');
  const isLost = manifest.base === null && manifest.incr.length === 0;
  const what = isLost
    ? `There are AOF files, ${names}, but the manifest ${manifestPath} does not say what they are`
    : `The manifest ${manifestPath} does not name the AOF files ${names}: lines of it are lost`;
  return (
    `${what}. Restore the manifest from a backup; or, if these files belong to the data set, ` +
    `${isLost ? 'write' : 'complete'} it with\n${lines}\nor move them out of the folder to start without what they hold`
  );
}

/** Files with a name and content of their own that the manifest should know: not older than what it does know. */
function straysOf({ appendfilename, manifest, sizes }: FolderFacts): AofFile[] {
  const { base, incr, history } = manifest;
  const named = new Set([...(base === null ? [] : [base]), ...incr, ...history].map(({ name }) => name));
  const oldest = { b: base?.seq ?? 0, i: incr[0]?.seq ?? 0 };
  const strays: AofFile[] = [];
  for (const [name, size] of sizes) {
    if (size === 0 || named.has(name) || !name.startsWith(`${appendfilename}.`)) continue;
    const parts = /^(\d{1,15})\.(base\.rdb|base\.aof|incr\.aof)$/.exec(name.slice(appendfilename.length + 1));
    if (parts === null) continue;
    const type = parts[2] === 'incr.aof' ? 'i' : 'b';
    const seq = Number(parts[1]);
    if (seq > oldest[type]) strays.push({ name, seq, type });
  }
  return strays.sort((a, b) => (a.type === b.type ? a.seq - b.seq : a.type < b.type ? -1 : 1));
}
