/*
 * Who hears what: channels and patterns, and their subscribers. Names of both are text, a character a byte. A subscriber
 * that has a channel and patterns which match it hears a message once for each of them: first by the channel, then by
 * the patterns in the order in which they were first subscribed to.
 */
import { GlobPattern } from '../../base/glob.ts';
import { Message } from './message.ts';

/** One who hears. What it is subscribed to is written by the hub alone. */
export class Subscriber {
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  readonly hear: (message: Message) => void;

  constructor(hear: (message: Message) => void) {
    this.hear = hear;
  }

  /** Of channels and patterns together. */
  get count(): number {
    return this.channels.size + this.patterns.size;
  }
}

interface PatternSubscribers {
  readonly pattern: GlobPattern;
  readonly subscribers: Set<Subscriber>;
}

const MESSAGE = Buffer.from('message');
const PATTERN_MESSAGE = Buffer.from('pmessage');

export class Hub {
  readonly #channels = new Map<string, Set<Subscriber>>();
  readonly #patterns = new Map<string, PatternSubscribers>();

  /** Channels that somebody is subscribed to. */
  get channels(): IterableIterator<string> {
    return this.#channels.keys();
  }

  get channelCount(): number {
    return this.#channels.size;
  }

  get patternCount(): number {
    return this.#patterns.size;
  }

  /** Of subscribers to a channel; those whose patterns match it do not count. */
  subscribersOf(channel: string): number {
    return this.#channels.get(channel)?.size ?? 0;
  }

  subscribe(subscriber: Subscriber, channel: string): void {
    subscriber.channels.add(channel);
    const subscribers = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, subscribers.add(subscriber));
  }

  unsubscribe(subscriber: Subscriber, channel: string): void {
    const subscribers = this.#channels.get(channel);
    if (!subscriber.channels.delete(channel) || subscribers === undefined) return;
    subscribers.delete(subscriber);
    if (subscribers.size === 0) this.#channels.delete(channel);
  }

  subscribePattern(subscriber: Subscriber, text: string): void {
    subscriber.patterns.add(text);
    const known = this.#patterns.get(text);
    if (known !== undefined) {
      known.subscribers.add(subscriber);
      return;
    }
    const pattern = new GlobPattern(Buffer.from(text, 'latin1'));
    this.#patterns.set(text, { pattern, subscribers: new Set([subscriber]) });
  }

  unsubscribePattern(subscriber: Subscriber, text: string): void {
    const known = this.#patterns.get(text);
    if (!subscriber.patterns.delete(text) || known === undefined) return;
    known.subscribers.delete(subscriber);
    if (known.subscribers.size === 0) this.#patterns.delete(text);
  }

  /** Somebody is gone. */
  leave(subscriber: Subscriber): void {
    for (const channel of [...subscriber.channels]) this.unsubscribe(subscriber, channel);
    for (const pattern of [...subscriber.patterns]) this.unsubscribePattern(subscriber, pattern);
  }

  /** Answers how often it was heard. The payload is copied. */
  publish(channel: string, payload: Buffer): number {
    const subscribers = this.#channels.get(channel);
    if (subscribers === undefined && this.#patterns.size === 0) return 0;
    const name = Buffer.from(channel, 'latin1');
    let heard = 0;
    if (subscribers !== undefined) heard += tell(subscribers, new Message([MESSAGE, name, payload]));
    for (const [text, { pattern, subscribers: matching }] of this.#patterns) {
      if (!pattern.matches(name, 0, name.length)) continue;
      heard += tell(matching, new Message([PATTERN_MESSAGE, Buffer.from(text, 'latin1'), name, payload]));
    }
    return heard;
  }
}

function tell(subscribers: ReadonlySet<Subscriber>, message: Message): number {
  for (const subscriber of subscribers) subscriber.hear(message);
  return subscribers.size;
}
