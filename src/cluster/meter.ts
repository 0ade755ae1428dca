/*
 * How many commands per second a node carries out for others. The node counts our own questions too; whoever watches an
 * idle cluster would see the watching. So the rate is taken between two readings, without the questions in between.
 */

interface Reading {
  readonly at_ms: number;
  /** Commands that the node has carried out, and those of them that were ours. */
  readonly commands: number;
  readonly own: number;
}

export class Meter {
  #before: Reading | null = null;

  /** Commands per second since the last reading, to whole ones; null for the first, or where the node was restarted. */
  rate(reading: Reading): number | null {
    const before = this.#before;
    this.#before = reading;
    if (before === null || reading.at_ms <= before.at_ms) return null;
    const commands = reading.commands - before.commands;
    if (commands < 0) return null;
    const others = Math.max(0, commands - (reading.own - before.own));
    return Math.round((others * 1000) / (reading.at_ms - before.at_ms));
  }
}
