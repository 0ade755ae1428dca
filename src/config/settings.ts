/*
 * CONFIG GET and CONFIG SET around the one configuration of a server.
 *
 * A CONFIG SET of several pairs takes effect as a whole or not at all: (1) every name and value is judged before anything
 * changes; (2) then all values change; (3) then what hangs on them is told, and may refuse (a port that is taken); (4) if
 * it does, all values are put back and all that were told are told again. Nobody else sees a moment in between, because
 * none of this waits.
 */
import { globMatch } from '../base/glob.ts';
import { DirectiveRefusal } from './directive.ts';
import { type Config, directiveOf, findName, type Name, names } from './directives.ts';

/** The text of the error reply, behind "ERR ". */
export class SettingFailure extends Error {
  override readonly name = 'SettingFailure';
}

/**
 * What a change does: called after the new value is in place. Throws DirectiveRefusal with a reason to take the change back.
 * One function may stand for several directives, and is then called once for a CONFIG SET that changes more than one.
 */
export type OnChange = Partial<Record<Name, () => void>>;

export class Settings {
  /** The live configuration: everybody holds this one object, and reads it when it matters. */
  readonly config: Config;
  readonly #onChange: OnChange;

  constructor(config: Config, onChange: OnChange = {}) {
    this.config = config;
    this.#onChange = onChange;
  }

  /** All settings that any of the patterns matches, each once, older names included. */
  get(patterns: readonly string[]): [name: string, value: string][] {
    const exact = new Set<string>();
    const globs: Buffer[] = [];
    for (const pattern of patterns) {
      if (/[*?[]/.test(pattern)) globs.push(Buffer.from(pattern));
      else exact.add(pattern.toLowerCase());
    }
    const matches = (text: string): boolean => {
      if (exact.has(text)) return true;
      const bytes = Buffer.from(text);
      return globs.some((glob) => globMatch(glob, bytes, 0, bytes.length, true));
    };
    const found: [string, string][] = [];
    for (const name of names) {
      const directive = directiveOf(name);
      if (directive.fileOnly) continue;
      for (const text of [name, ...directive.aliases]) {
        if (matches(text)) found.push([text, directive.format(this.config[name])]);
      }
    }
    return found;
  }

  /** Throws SettingFailure, and then nothing has changed. `mayChangeProtected` is what enable-protected-configs allows the client. */
  set(pairs: readonly (readonly [name: string, value: string])[], mayChangeProtected = false): void {
    const changes = this.#judge(pairs, mayChangeProtected);
    const before = new Map(changes.map(({ name }) => [name, this.config[name] as unknown]));
    for (const { name, value } of changes) this.#assign(name, value);
    const told: (() => void)[] = [];
    for (const { name, given } of changes) {
      const tell = this.#onChange[name];
      if (tell === undefined || told.includes(tell)) continue;
      told.push(tell);
      try {
        tell();
      } catch (error) {
        if (!(error instanceof DirectiveRefusal)) throw error;
        for (const [changed, value] of before) this.#assign(changed, value);
        for (const again of told) again();
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
