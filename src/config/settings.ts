/*
 * CONFIG GET and CONFIG SET around the one configuration of a server.
 *
 * A CONFIG SET of several pairs takes effect as a whole or not at all: (1) every name and value is judged before anything
 * changes; (2) then all values change; (3) then what hangs on them is told, and may refuse (a port that is taken); (4) if
 * it does, all values are put back and all that were told are told again. Nobody else sees a moment in between, because
 * none of this waits.
 *
 * Some changes can only be judged by trying, and that takes its time: a new port is opened between (1) and (2), with
 * nothing changed meanwhile. Such a CONFIG SET is a promise, and one waits for the other.
 */
import { bytesOf } from '../base/byte-text.ts';
import { GlobPattern } from '../base/glob.ts';
import { DirectiveRefusal } from './directive.ts';
import { type Config, directiveOf, findName, type Name, names } from './directives.ts';

/** The text of the error reply, behind "ERR ". */
export class SettingFailure extends Error {
  override readonly name = 'SettingFailure';
}

/** What was tried out, and now takes effect, or is taken back. */
export interface Prepared {
  commit(): void;
  abandon(): Promise<void>;
}

/** How changes of `names` are tried: answers what `next` needs. Rejects with DirectiveRefusal, and nothing has changed. */
export interface Preparation {
  readonly names: readonly Name[];
  prepare(next: Config): Promise<Prepared>;
}

/**
 * What a change does: called after the new value is in place, with all values that were replaced. Throws DirectiveRefusal with a reason to take the change back.
 * One function may stand for several directives, and is then called once for a CONFIG SET that changes more than one.
 */
export type OnChange = Partial<Record<Name, (before: ReadonlyMap<Name, unknown>) => void>>;

export class Settings {
  /** The live configuration: everybody holds this one object, and reads it when it matters. */
  readonly config: Config;
  readonly #onChange: OnChange;
  readonly #preparation: Preparation | null;
  /** Settles when the last change that had to be tried has ended. */
  #tried: Promise<void> = Promise.resolve();

  constructor(config: Config, onChange: OnChange = {}, preparation: Preparation | null = null) {
    this.config = config;
    this.#onChange = onChange;
    this.#preparation = preparation;
  }

  /** All settings that any of the patterns matches, each once, older names included. */
  get(patterns: readonly string[]): [name: string, value: string][] {
    const exact = new Set<string>();
    const globs: GlobPattern[] = [];
    for (const pattern of patterns) {
      // As in C, a pattern ends at a zero byte; a name does not.
      const text = pattern.split('\0', 1)[0]!;
      if (/[*?[]/.test(text)) globs.push(new GlobPattern(bytesOf(text), true));
      else exact.add(pattern.toLowerCase());
    }
    const matches = (text: string, hidden: boolean): boolean => {
      if (exact.has(text)) return true;
      if (hidden) return false;
      const bytes = bytesOf(text);
      return globs.some((glob) => glob.matches(bytes, 0, bytes.length));
    };
    const found: [string, string][] = [];
    for (const name of names) {
      const directive = directiveOf(name);
      if (directive.fileOnly) continue;
      for (const text of [name, ...directive.aliases]) {
        if (matches(text, directive.hidden)) found.push([text, directive.format(this.config[name])]);
      }
    }
    return found;
  }

  /**
   * Throws SettingFailure, and then nothing has changed; or answers a promise that does, where the change has to be tried
   * first. `mayChangeProtected` is what enable-protected-configs allows the client.
   */
  set(pairs: readonly (readonly [name: string, value: string])[], mayChangeProtected = false): Promise<void> | null {
    const changes = this.#judge(pairs, mayChangeProtected);
    const preparation = this.#preparation;
    if (preparation === null || !changes.some(({ given }) => this.isTried(given))) {
      this.#change(changes);
      return null;
    }
    const trial = this.#tried.then(() => this.#try(this.#judge(pairs, mayChangeProtected), preparation));
    this.#tried = trial.catch(() => {});
    return trial;
  }

  /** Whether setting it is a promise. */
  isTried(given: string): boolean {
    const name = findName(given);
    return name !== null && this.#preparation?.names.includes(name) === true;
  }

  async #try(changes: readonly Change[], { names, prepare }: Preparation): Promise<void> {
    const next = Object.assign({ ...this.config }, Object.fromEntries(changes.map(({ name, value }) => [name, value])));
    let prepared: Prepared;
    try {
      prepared = await prepare(next);
    } catch (error) {
      const given = changes.find(({ name }) => names.includes(name))!.given;
      throw error instanceof DirectiveRefusal ? refusal(given, error.message) : error;
    }
    try {
      this.#change(changes);
    } catch (error) {
      await prepared.abandon();
      throw error;
    }
    prepared.commit();
  }

  /** (2) to (4). */
  #change(changes: readonly Change[]): void {
    const before = new Map(changes.map(({ name }) => [name, this.config[name] as unknown]));
    for (const { name, value } of changes) this.#assign(name, value);
    const told: NonNullable<OnChange[Name]>[] = [];
    for (const { name, given } of changes) {
      const tell = this.#onChange[name];
      if (tell === undefined || told.includes(tell)) continue;
      told.push(tell);
      try {
        tell(before);
      } catch (error) {
        if (!(error instanceof DirectiveRefusal)) throw error;
        for (const [changed, value] of before) this.#assign(changed, value);
        for (const again of told) again(before);
        throw refusal(given, error.message);
      }
    }
  }

  /** (1) What really changes. */
  #judge(pairs: readonly (readonly [string, string])[], mayChangeProtected: boolean): Change[] {
    const chosen: { name: Name; given: string; text: string }[] = [];
    for (const [given, text] of pairs) {
      const name = findName(given);
      if (name === null || directiveOf(name).fileOnly) {
        throw new SettingFailure(`Unknown option or number of arguments for CONFIG SET - '${given}'`);
      }
      const directive = directiveOf(name);
      if (directive.fixed) throw refusal(given, "can't set immutable config");
      if (directive.protected && !mayChangeProtected) throw refusal(given, "can't set protected config");
      // An older name beside the new one is no duplicate, and the later of the two counts.
      if (chosen.some((one) => one.given.toLowerCase() === given.toLowerCase()))
        throw refusal(given, 'duplicate parameter');
      chosen.push({ name, given, text });
    }
    const changes = new Map<Name, Change>();
    for (const { name, given, text } of chosen) {
      const directive = directiveOf(name);
      try {
        changes.set(name, { name, given, value: directive.parse(text, changes.get(name)?.value ?? this.config[name]) });
      } catch (error) {
        if (!(error instanceof DirectiveRefusal)) throw error;
        throw refusal(given, error.message);
      }
    }
    return [...changes.values()].filter(({ name, value }) => {
      const directive = directiveOf(name);
      return directive.volatile || directive.format(value) !== directive.format(this.config[name]);
    });
  }

  #assign(name: Name, value: unknown): void {
    (this.config as Record<Name, unknown>)[name] = value;
  }
}

interface Change {
  name: Name;
  /** The name as the client wrote it, for errors. */
  given: string;
  value: unknown;
}

function refusal(given: string, reason: string): SettingFailure {
  return new SettingFailure(`CONFIG SET failed (possibly related to argument '${given}') - ${reason}`);
}
