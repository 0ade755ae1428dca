/*
 * The files of the append only file and the order in which they come and go. What must stay true at every moment, also
 * of the disk after a power cut:
 *
 * (1) The manifest on disk names only files that are there, and a base only when it is complete.
 * (2) Base plus increments named by the manifest on disk are the whole data: nothing they name is deleted.
 * (3) An increment is in the manifest before the first command goes into it.
 * (4) Files that were replaced are named as history until they are deleted, so that a crash does not leave them lying.
 * (5) So are files that are not part of it yet: a base, or an increment that is written to, has its line before it has its
 *     name. A file with such a name and content that the manifest does not know was therefore lost to it by damage.
 *
 * A rewrite is `addIncrement`, then a new base is written while commands go on into that increment, then `adopt`. When it
 * fails half way, the old base and all increments are still what the manifest names. Turning the log on is the same with
 * `prepareIncrement`, because without the new base nothing that is there already is worth anything.
 */
import path from 'node:path';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config/directives.ts';
import { whyIncomplete } from './aof-check.ts';
import type { AofFile, Manifest } from './aof-manifest.ts';
import { emptyManifest, formatManifest, ManifestFailure, parseManifest } from './aof-manifest.ts';
import * as disk from './disk.ts';

/** Taken when the folder is opened: CONFIG SET dir does not move a log that is in use. */
export type AofConfig = Pick<Config, 'dir' | 'appenddirname' | 'appendfilename' | 'aof-disable-auto-gc'>;

export interface NewBase {
  readonly base: AofFile;
  readonly file: disk.AtomicFile;
}

/** What the lock of the log is named after; the names of its files begin with it. */
export function aofPath(config: Pick<Config, 'dir' | 'appenddirname' | 'appendfilename'>): string {
  return path.join(config.dir, config.appenddirname, config.appendfilename);
}

/** A line is below 1 KB, and a rewrite that never succeeds adds one at a time. */
const MANIFEST_BYTES_MAX = 16 * 1024 * 1024;

export class AofFolder {
  readonly folder: string;
  /** What its lock is named after. */
  readonly path: string;
  manifest: Manifest = emptyManifest();
  readonly #config: AofConfig;
  readonly #dir: string;
  readonly #log: Logger;

  constructor(config: AofConfig, log: Logger) {
    this.#config = config;
    this.#dir = config.dir;
    this.#log = log;
    this.path = aofPath(config);
    this.folder = path.dirname(this.path);
  }

  pathOf(file: AofFile): string {
    return path.join(this.folder, file.name);
  }

  /** What start-up finds. Also with appendonly no: turning it on later replaces what is there. */
  read(): void {
    this.manifest = this.#readManifest();
  }

  /** Why what is there cannot be gone on from, and how to mend it; null when it can. */
  whyIncomplete(): string | null {
    const { folder, manifest } = this;
    const { appendfilename } = this.#config;
    return whyIncomplete({ folder, manifest, appendfilename, sizes: disk.listFiles(folder) });
  }

  /** Takes in the single file of a server before 7.0, if that is what there is. */
  upgradeOld(): void {
    if (this.#isFromBefore7()) this.#upgrade();
  }

  /** All that commands would be loaded from, in their order. */
  files(): AofFile[] {
    const { base, incr } = this.manifest;
    return base === null ? [...incr] : [base, ...incr];
  }

  /** Creates the next increment, empty, and names it (3). */
  addIncrement(): AofFile {
    const file = this.#createIncrement();
    disk.syncFolder(this.folder);
    this.#persist({ ...this.manifest, incr: [...this.manifest.incr, file] });
    return file;
  }

  /** One that nobody knows of before `adopt`: what goes into it before is not promised. */
  prepareIncrement(): AofFile {
    this.#announce(this.#nextIncrement());
    return this.#createIncrement();
  }

  /** The file of the next base, to be filled, committed, and then adopted. */
  newBase(kind: 'rdb' | 'aof'): NewBase {
    disk.makeFolder(this.folder);
    const base = this.#nextBase(kind);
    this.#announce(base);
    return { base, file: new disk.AtomicFile(this.pathOf(base), this.#temp('rewrite')) };
  }

  /** A base that comes from elsewhere: it has no name before it is complete, so rewrites go on beside it. */
  newArrival(): disk.AtomicFile {
    disk.makeFolder(this.folder);
    const temp = this.#temp('arriving');
    return new disk.AtomicFile(temp, temp);
  }

  /** Gives what arrived its name. It is history before `goOnFrom`. */
  nameArrival(file: disk.AtomicFile): AofFile {
    const base = this.#nextBase('rdb');
    this.#announce(base);
    file.place(this.pathOf(base));
    return base;
  }

  /** From now on a base that was placed, and a new increment behind it, are everything; the others are history. */
  goOnFrom(base: AofFile): AofFile {
    const increment = this.#createIncrement();
    // The names of both, before the manifest says that they are there (1).
    disk.syncFolder(this.folder);
    this.adopt(base, increment);
    return increment;
  }

  /** From now on a base and the increment in use, if any, are everything; the others are history. */
  adopt(base: AofFile, current: AofFile | null): void {
    const { history, incr } = this.manifest;
    // The youngest first, as Redis has them.
    const replaced = [...this.#oldBase(), ...incr.filter(({ name }) => name !== current?.name)].reverse();
    const kept = current === null ? [] : [current];
    const others = history.filter(({ name }) => name !== base.name && name !== current?.name);
    this.#persist({ base, history: [...replaced.map(asHistory), ...others], incr: kept });
    this.collect();
  }

  /** A file that was announced is not wanted after all. One that will not go stays history. */
  release(file: AofFile): void {
    try {
      disk.remove(this.pathOf(file));
      this.#persist({ ...this.manifest, history: this.manifest.history.filter(({ name }) => name !== file.name) });
    } catch (failure) {
      if (!(failure instanceof disk.DiskFailure)) throw failure;
      this.#log.warning(`Can't remove the AOF file ${file.name}: ${failure.message}`);
    }
  }

  /** Deletes what is history (4). A file that will not go is tried again after the next rewrite. */
  collect(): void {
    if (this.manifest.history.length === 0 || this.#config['aof-disable-auto-gc']) return;
    const left: AofFile[] = [];
    for (const file of this.manifest.history) {
      try {
        disk.remove(this.pathOf(file));
        this.#log.notice(`Removing the history file ${file.name} in the background`);
      } catch (failure) {
        if (!(failure instanceof disk.DiskFailure)) throw failure;
        this.#log.warning(`Can't remove the history file: ${failure.message}`);
        left.push(file);
      }
    }
    // Should the old one come back, it names as history what is gone.
    this.#replaceManifest({ ...this.manifest, history: left }, disk.placeFile);
  }

  /** Bytes of the base and of base and increments together; files that are missing count nothing. */
  sizes(): { base: number; total: number } {
    const sizeOf = (file: AofFile | null) => (file === null ? 0 : Math.max(0, disk.sizeOf(this.pathOf(file))));
    const base = sizeOf(this.manifest.base);
    return { base, total: this.manifest.incr.reduce((sum, file) => sum + sizeOf(file), base) };
  }

  #nextIncrement(): AofFile {
    disk.makeFolder(this.folder);
    const seq = (this.manifest.incr.at(-1)?.seq ?? 0) + 1;
    return { name: `${this.#config.appendfilename}.${seq}.incr.aof`, seq, type: 'i' };
  }

  /** What a crash left under this name was empty, or history (5). That it is there is on disk with the folder. */
  #createIncrement(): AofFile {
    const file = this.#nextIncrement();
    disk.remove(this.pathOf(file));
    disk.createEmpty(this.pathOf(file));
    return file;
  }

  #nextBase(kind: 'rdb' | 'aof'): AofFile {
    const seq = (this.manifest.base?.seq ?? 0) + 1;
    return { name: `${this.#config.appendfilename}.${seq}.base.${kind}`, seq, type: 'b' };
  }

  /** Names a file as history, which a start deletes, before it gets its name (5). */
  #announce(file: AofFile): void {
    const { history } = this.manifest;
    if (history.some(({ name }) => name === file.name)) return;
    this.#persist({ ...this.manifest, history: [...history, asHistory(file)] });
  }

  #temp(what: string): string {
    return disk.tempOf(this.path, what);
  }

  #oldBase(): AofFile[] {
    return this.manifest.base === null ? [] : [this.manifest.base];
  }

  #persist(manifest: Manifest): void {
    this.#replaceManifest(manifest, disk.writeFileAtomically);
  }

  /** On disk first, then in memory: after a failure both say the same. */
  #replaceManifest(manifest: Manifest, write: typeof disk.writeFileAtomically): void {
    const text = formatManifest(manifest);
    // An empty manifest would be one that lost its lines.
    if (text === '') disk.remove(this.#manifestPath);
    else write(this.#manifestPath, Buffer.from(text, 'latin1'), this.#temp('manifest'));
    this.manifest = manifest;
  }

  get #manifestPath(): string {
    return path.join(this.folder, `${this.#config.appendfilename}.manifest`);
  }

  #readManifest(): Manifest {
    const filePath = this.#manifestPath;
    if (!disk.fileExists(filePath)) return emptyManifest();
    try {
      return parseManifest(disk.readSmallFile(filePath, MANIFEST_BYTES_MAX), filePath);
    } catch (failure) {
      if (failure instanceof ManifestFailure) this.#tell(failure);
      throw failure;
    }
  }

  /** All but the reason, which whoever gives up because of it says last. */
  #tell(failure: ManifestFailure): void {
    this.#log.warning('\n*** FATAL AOF MANIFEST FILE ERROR ***\n');
    if (failure.line > 0) {
      this.#log.warning(`Reading the manifest file, at line ${failure.line}\n`);
      this.#log.warning(`>>> '${failure.text}'\n`);
    }
  }

  /** The third case: an upgrade that was cut off between writing the manifest and moving the file. */
  #isFromBefore7(): boolean {
    const dir = this.#dir;
    const { appendfilename } = this.#config;
    const old = path.join(dir, appendfilename);
    if (!disk.fileExists(old) || disk.folderExists(old)) return false;
    if (!disk.folderExists(this.folder)) return true;
    const { base, incr, history } = this.manifest;
    if (base === null) return incr.length === 0 && history.length === 0;
    if (base.name !== appendfilename || incr.length > 0 || history.length > 0) return false;
    return !disk.fileExists(this.pathOf(base));
  }

  #upgrade(): void {
    const dir = this.#dir;
    const { appendfilename } = this.#config;
    this.#log.notice(`Successfully migrated an old-style AOF: ${appendfilename} becomes the base in ${this.folder}`);
    disk.makeFolder(this.folder);
    const base: AofFile = { name: appendfilename, seq: 1, type: 'b' };
    this.#persist({ base, history: [], incr: [] });
    disk.rename(path.join(dir, appendfilename), this.pathOf(base));
    disk.syncFolder(dir);
  }
}

function asHistory(file: AofFile): AofFile {
  return { ...file, type: 'h' };
}
