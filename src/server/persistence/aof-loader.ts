/*
 * Replays one file of the append only file: an RDB, commands, or an RDB with commands behind it.
 *
 * What happens to a torn end: a crash may cut the last command, or leave a MULTI without its EXEC. Everything up to there
 * was acknowledged, so (unless aof-load-truncated no) the file is cut back to the last whole command and that is that. It
 * can only be the end of the last file; anywhere else, and for any byte that is wrong instead of missing, loading stops.
 */
import { equalsFolded } from '../../base/ascii.ts';
import type { Logger } from '../../base/log.ts';
import type { Keyspace } from '../keyspace/keyspace.ts';
import { AofFormatFailure, AofParser } from './aof-parser.ts';
import { FileReader, truncateFile } from './disk.ts';
import { LoadFailure } from './load-failure.ts';
import type { LoadPieces } from './load-pieces.ts';
import { RdbReader } from './rdb-reader.ts';
import type { TestSwitches } from './test-switches.ts';

/** Executes one command without a reply. Answers why it cannot, or null. The arguments are valid during the call only. */
export type RunCommand = (args: readonly Buffer[]) => string | null;

export interface AofLoadContext {
  readonly switches: Pick<TestSwitches, 'skipsChecksums'>;
  readonly keyspace: Keyspace;
  readonly log: Logger;
  readonly now_ms: number;
  readonly run: RunCommand;
  /** aof-load-truncated */
  readonly truncatedAllowed: boolean;
  readonly pieces: LoadPieces;
}

export interface ReplayedFile {
  readonly commands: number;
  /** Of the RDB at its start. */
  readonly rdb: RdbReader | null;
  readonly truncated: boolean;
}

const REPAIR = 'make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>';

/** Yields where others have to be served. */
export function* replayFile(
  filePath: string,
  { name, isLast }: { name: string; isLast: boolean },
  context: AofLoadContext,
): Generator<void, ReplayedFile> {
  const file = new FileReader(filePath);
  try {
    return yield* new Replay(file, name, isLast, context).run();
  } finally {
    file.close();
  }
}

class Replay {
  readonly #file: FileReader;
  readonly #name: string;
  readonly #isLast: boolean;
  readonly #context: AofLoadContext;
  #rdb: RdbReader | null = null;
  #parser = new AofParser();
  #commands = 0;
  /** Commands since a MULTI: they run together at its EXEC, or not at all. */
  #transaction: Buffer[][] | null = null;
  /** Up to here everything was executed. */
  #valid = 0;

  constructor(file: FileReader, name: string, isLast: boolean, context: AofLoadContext) {
    this.#file = file;
    this.#name = name;
    this.#isLast = isLast;
    this.#context = context;
  }

  *run(): Generator<void, ReplayedFile> {
    const first = yield* this.#read();
    // Every file starts in database 0, wherever the one before ended.
    this.#execute([Buffer.from('SELECT'), Buffer.from('0')], 0);
    if (first.length >= 5 && first.toString('latin1', 0, 5) === 'REDIS') yield* this.#replayRdb(first);
    else this.#parser.push(first);
    yield* this.#replayCommands();
    const torn = this.#parser.available > 0 || this.#transaction !== null;
    if (torn) this.#cutOff();
    return { commands: this.#commands, rdb: this.#rdb, truncated: torn };
  }

  *#replayRdb(first: Buffer): Generator<void, void> {
    const { keyspace, log, now_ms, pieces, switches } = this.#context;
    const skipsChecksum = switches.skipsChecksums;
    // Dead keys stay: the commands behind may rely on them, and a DEL for each is among those commands.
    const source = this.#file.path;
    const rdb = new RdbReader({ source, keyspace, log, now_ms, dropExpired: false, skipsChecksum });
    this.#rdb = rdb;
    log.notice('Reading RDB base file on AOF loading...');
    for (let piece = first; !pieces.feed(rdb, piece); ) {
      piece = yield* this.#read();
      if (piece.length === 0) rdb.finish();
    }
    this.#valid = rdb.offset;
    this.#parser = new AofParser(rdb.offset);
    this.#parser.push(rdb.rest());
  }

  *#replayCommands(): Generator<void, void> {
    const parser = this.#parser;
    try {
      for (;;) {
        while (parser.next()) this.#command(parser.args);
        do {
          const chunk = yield* this.#read();
          if (chunk.length === 0) return this.#lastLook();
          parser.push(chunk);
        } while (parser.available < parser.needed);
      }
    } catch (failure) {
      if (!(failure instanceof AofFormatFailure)) throw failure;
      const text = `Bad file format reading the append only file ${this.#name}: ${REPAIR}`;
      throw new LoadFailure(this.#file.path, failure.offset, `${text} (${failure.message})`);
    }
  }

  /** The parser may have waited for more bytes than a wrong one needs to be seen. */
  #lastLook(): void {
    while (this.#parser.next()) this.#command(this.#parser.args);
  }

  #command(args: Buffer[]): void {
    const start = this.#valid;
    const end = this.#parser.offset;
    const name = args[0]!;
    if (this.#transaction !== null) {
      if (!isWord(name, 'exec')) {
        this.#transaction.push(args.map((arg) => Buffer.from(arg)));
        return;
      }
      for (const queued of this.#transaction) this.#execute(queued, start);
      this.#transaction = null;
    } else if (isWord(name, 'multi')) {
      this.#transaction = [];
      return;
    } else {
      this.#execute(args, start);
    }
    this.#valid = end;
  }

  #execute(args: readonly Buffer[], offset: number): void {
    const problem = this.#context.run(args);
    this.#commands++;
    this.#context.pieces.keys++;
    if (problem === null) return;
    throw new LoadFailure(
      this.#file.path,
      offset,
      `${problem} reading the append only file ${this.#name}, in the command at byte ${offset}`,
    );
  }

  #cutOff(): void {
    const { log, truncatedAllowed } = this.#context;
    const name = this.#name;
    if (this.#transaction !== null) log.warning(`Revert incomplete MULTI/EXEC transaction in AOF file ${name}`);
    if (!truncatedAllowed) {
      throw new LoadFailure(
        this.#file.path,
        this.#valid,
        `Unexpected end of file reading the append only file ${name}. You can: 1) Make a backup of your AOF file, then ` +
          'use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the ' +
          "'aof-load-truncated' configuration option to yes and restart the server.",
      );
    }
    log.warning(`!!! Warning: short read while loading the AOF file ${name}!!!`);
    if (!this.#isLast) {
      throw new LoadFailure(this.#file.path, this.#valid, 'Fatal error: the truncated file is not the last file');
    }
    log.warning(`!!! Truncating the AOF ${name} at offset ${this.#valid} !!!`);
    truncateFile(this.#file.path, this.#valid);
    log.warning(`AOF ${name} loaded anyway because aof-load-truncated is enabled`);
  }

  /** The next bytes of the file, none at its end; valid until the next call. */
  *#read(): Generator<void, Buffer> {
    const { pieces } = this.#context;
    const piece = pieces.read(this.#file);
    if (pieces.isDue) yield;
    return piece;
  }
}

function isWord(arg: Buffer, word: string): boolean {
  return equalsFolded(arg, 0, arg.length, word);
}
