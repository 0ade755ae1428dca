/*
 * Counters for INFO. Those that change with every command are doubles in one typed array: a number field of an object
 * would allocate as soon as it outgrew a small integer.
 */

const FIELDS = [
  'commands',
  'connections',
  'rejectedConnections',
  'bytesIn',
  'bytesOut',
  'errorReplies',
  'fullSyncs',
  'partialSyncsOk',
  'partialSyncsRefused',
  'acceptedProtocolErrors',
  'outputLimitDisconnections',
  'queryLimitDisconnections',
] as const;

export type Counter = (typeof FIELDS)[number];

export class Stats {
  readonly #values = new Float64Array(FIELDS.length);
  /** Calls of each command, by its place in the registry's list. */
  readonly calls = new Map<string, number>();
  /** How often each error code was answered. */
  readonly errors = new Map<string, number>();
  readonly #samples = new Float64Array(SAMPLES);
  #sampleAt = 0;
  #sampledCommands = 0;
  #sampled_ms = 0;

  add(counter: Counter, n = 1): void {
    const i = FIELDS.indexOf(counter);
    this.#values[i] = this.#values[i]! + n;
  }

  get(counter: Counter): number {
    return this.#values[FIELDS.indexOf(counter)]!;
  }

  /** One command more; apart from `add`, because it is on the path of every request. */
  countCommand(): void {
    this.#values[0] = this.#values[0]! + 1;
  }

  countError(line: string): void {
    this.add('errorReplies');
    const space = line.indexOf(' ');
    const code = space < 0 ? line : line.slice(0, space);
    if (this.errors.size < ERROR_CODES_MAX || this.errors.has(code))
      this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
  }

  /** Called by the cron: notes the rate since the last call. */
  sample(now_ms: number): void {
    const elapsed_ms = now_ms - this.#sampled_ms;
    if (elapsed_ms <= 0) return;
    const commands = this.get('commands');
    this.#samples[this.#sampleAt++ % SAMPLES] = ((commands - this.#sampledCommands) * 1000) / elapsed_ms;
    this.#sampledCommands = commands;
    this.#sampled_ms = now_ms;
  }

  /** Commands per second, averaged over the last samples. */
  commandsPerSecond(): number {
    const filled = Math.min(this.#sampleAt, SAMPLES);
    if (filled === 0) return 0;
    let sum = 0;
    for (let i = 0; i < filled; i++) sum += this.#samples[i]!;
    return Math.round(sum / filled);
  }

  /** CONFIG RESETSTAT. */
  reset(): void {
    this.#values.fill(0);
    this.calls.clear();
    this.errors.clear();
    this.#sampledCommands = 0;
  }
}

const SAMPLES = 16;
/** Scripts can invent error codes; INFO errorstats must not grow with them. */
const ERROR_CODES_MAX = 128;
