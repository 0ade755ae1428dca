/*
 * Keyspace notifications: changes of keys as messages of channels, as far as `notify-keyspace-events` asks for them. An
 * event has a class and a name. It is told twice: K, by the key (__keyspace@0__:key says the event), then E, by the
 * event (__keyevent@0__:event says the key).
 *
 * Commands name their events, once what they tell of has been done and in the order of Redis (`call.event`). What
 * happens to keys without a command naming it is told from here: a key is new, has expired, or was looked for in vain.
 */

/** The classes, as bits; the letters are those of the directive. */
export const EVENT_GENERIC = 1 << 0;
export const EVENT_STRING = 1 << 1;
export const EVENT_LIST = 1 << 2;
export const EVENT_SET = 1 << 3;
export const EVENT_HASH = 1 << 4;
export const EVENT_EXPIRED = 1 << 5;
/** Not among those that `A` stands for. */
export const EVENT_KEY_MISS = 1 << 6;
export const EVENT_NEW = 1 << 7;

const CLASSES: Readonly<Record<string, number>> = {
  g: EVENT_GENERIC,
  $: EVENT_STRING,
  l: EVENT_LIST,
  s: EVENT_SET,
  h: EVENT_HASH,
  x: EVENT_EXPIRED,
  m: EVENT_KEY_MISS,
  n: EVENT_NEW,
};

/** Publishes a message; the channel is text, a character a byte. */
type Publish = (channel: string, payload: Buffer) => void;

export class KeyEvents {
  /** Classes that are told; 0 while the directive names none, or no place to tell them. */
  mask = 0;
  #byKey = false;
  #byEvent = false;
  readonly #publish: Publish;

  constructor(publish: Publish) {
    this.#publish = publish;
  }

  /** The value of the directive: letters, with all that `A` stands for. */
  setClasses(letters: string): void {
    this.#byKey = letters.includes('K');
    this.#byEvent = letters.includes('E');
    this.mask = 0;
    if (!(this.#byKey || this.#byEvent)) return;
    for (const letter of letters) this.mask |= CLASSES[letter] ?? 0;
  }

  /** An event of a key in the database of this number. */
  tell(eventClass: number, name: string, db: number, buf: Buffer, off: number, len: number): void {
    if ((this.mask & eventClass) === 0) return;
    if (this.#byKey) this.#publish(`__keyspace@${db}__:${buf.latin1Slice(off, off + len)}`, Buffer.from(name));
    if (this.#byEvent) this.#publish(`__keyevent@${db}__:${name}`, Buffer.from(buf.subarray(off, off + len)));
  }
}
