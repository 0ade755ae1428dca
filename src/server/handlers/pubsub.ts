/*
 * Channels: subscriptions, messages, and questions about them. A confirmation stands in the place of the reply, one for each
 * channel or pattern that a command names; how messages come in between is the affair of command/subscriptions.ts.
 */

import { GlobPattern } from '../../base/glob.ts';
import type { Call } from '../command/call.ts';
import { container } from '../command/container.ts';
import { misusedSubcommand, ReplyError } from '../command/errors.ts';
import type { Spec } from '../command/spec.ts';
import { subscribe, subscriptionsOf, unsubscribe } from '../command/subscriptions.ts';

const GROUP = { acl: ['pubsub'], keys: [], group: 'pubsub' } as const;
const SUBSCRIBES = {
  ...GROUP,
  flags: ['pubsub', 'noscript', 'loading', 'stale'],
  traits: ['while_subscribed'],
} as const;
const ASKS = { ...GROUP, flags: ['pubsub', 'loading', 'stale'] } as const;

export const specs: readonly Spec[] = [
  {
    ...SUBSCRIBES,
    name: 'subscribe',
    arity: -2,
    since: '2.0.0',
    summary: 'Listens for messages published to channels.',
    complexity: 'O(N) where N is the number of channels to subscribe to.',
    run: (call) => subscribeToAll(call, 'channel'),
  },
  {
    ...SUBSCRIBES,
    name: 'unsubscribe',
    arity: -1,
    since: '2.0.0',
    summary: 'Stops listening to messages posted to channels.',
    complexity: 'O(N) where N is the number of channels to unsubscribe.',
    run: (call) => unsubscribeFromAll(call, 'channel'),
  },
  {
    ...SUBSCRIBES,
    name: 'psubscribe',
    arity: -2,
    since: '2.0.0',
    summary: 'Listens for messages published to channels that match one or more patterns.',
    complexity: 'O(N) where N is the number of patterns to subscribe to.',
    run: (call) => subscribeToAll(call, 'pattern'),
  },
  {
    ...SUBSCRIBES,
    name: 'punsubscribe',
    arity: -1,
    since: '2.0.0',
    summary: 'Stops listening to messages published to channels that match one or more patterns.',
    complexity: 'O(N) where N is the number of patterns to unsubscribe.',
    run: (call) => unsubscribeFromAll(call, 'pattern'),
  },
  {
    ...GROUP,
    name: 'publish',
    arity: 3,
    flags: ['pubsub', 'loading', 'stale', 'fast'],
    traits: ['may_replicate'],
    since: '2.0.0',
    summary: 'Posts a message to a channel.',
    complexity:
      'O(N+M) where N is the number of clients subscribed to the receiving channel and M is the number of patterns that anybody is subscribed to.',
    run: publish,
  },
  container({
    name: 'pubsub',
    since: '2.8.0',
    group: 'pubsub',
    acl: [],
    summary: 'A container for Pub/Sub commands.',
    subcommands: [
      {
        ...ASKS,
        name: 'channels',
        arity: -2,
        since: '2.8.0',
        usage: '[<pattern>]',
        summary: 'Return the currently active channels matching a <pattern> (default: all).',
        complexity: 'O(N) where N is the number of active channels.',
        run: channels,
      },
      {
        ...ASKS,
        name: 'numpat',
        arity: 2,
        since: '2.8.0',
        summary: 'Return the number of patterns that clients are subscribed to.',
        complexity: 'O(1)',
        run: ({ server, reply }) => reply.integer(server.pubsub.patternCount),
      },
      {
        ...ASKS,
        name: 'numsub',
        arity: -2,
        since: '2.8.0',
        usage: '[<channel> ...]',
        summary: 'Return the number of subscribers for the specified channels, excluding pattern subscriptions.',
        complexity: 'O(N) where N is the number of channels asked for.',
        run: numsub,
      },
    ],
  }),
];

type Kind = 'channel' | 'pattern';

const SUBSCRIBED = { channel: 'subscribe', pattern: 'psubscribe' } as const;
const UNSUBSCRIBED = { channel: 'unsubscribe', pattern: 'punsubscribe' } as const;

function subscribeToAll(call: Call, kind: Kind): void {
  const { server, client } = call;
  // The stream of a primary, or the log: nobody is there to hear.
  if (client.connection === null) {
    throw new ReplyError(`ERR ${call.command.fullName.toUpperCase()} isn't allowed for a DENY BLOCKING client`);
  }
  for (let i = 1; i < call.argc; i++) {
    const name = call.text(i);
    subscribe(server, client, kind, name);
    confirm(call, SUBSCRIBED[kind], name);
  }
}

function unsubscribeFromAll(call: Call, kind: Kind): void {
  const { server, client } = call;
  const names = call.argc > 1 ? namesOf(call) : allOf(call, kind);
  for (const name of names) {
    unsubscribe(server, client, kind, name);
    confirm(call, UNSUBSCRIBED[kind], name);
  }
  if (names.length === 0) confirm(call, UNSUBSCRIBED[kind], null);
}

function namesOf(call: Call): string[] {
  return Array.from({ length: call.argc - 1 }, (_, i) => call.text(i + 1));
}

function allOf({ client }: Call, kind: Kind): string[] {
  const { subscriber } = client;
  return [...((kind === 'channel' ? subscriber?.channels : subscriber?.patterns) ?? [])];
}

function confirm({ client, reply }: Call, what: string, name: string | null): void {
  reply.push(3);
  reply.bulkText(what);
  if (name === null) reply.null();
  else reply.bulkText(name);
  reply.integer(subscriptionsOf(client));
}

function publish(call: Call): void {
  const { server, reply } = call;
  const heard = server.pubsub.publish(call.text(1), call.view(2));
  // In a cluster all nodes hear it over the bus, and so do the replicas.
  if (server.cluster === null) call.propagateToReplicas();
  else server.cluster.publish({ sharded: false, channel: call.bytes(1), payload: call.bytes(2) });
  reply.integer(heard);
}

function channels(call: Call): void {
  if (call.argc > 3) throw misusedSubcommand(call.text(1), 'pubsub');
  const pattern = call.argc === 3 ? new GlobPattern(call.bytes(2)) : null;
  const found: string[] = [];
  for (const channel of call.server.pubsub.channels) {
    const name = Buffer.from(channel, 'latin1');
    if (pattern === null || pattern.matches(name, 0, name.length)) found.push(channel);
  }
  call.reply.array(found.length);
  for (const channel of found) call.reply.bulkText(channel);
}

function numsub(call: Call): void {
  const { server, reply } = call;
  // Not a map, also in RESP3.
  reply.array((call.argc - 2) * 2);
  for (let i = 2; i < call.argc; i++) {
    const channel = call.text(i);
    reply.bulkText(channel);
    reply.integer(server.pubsub.subscribersOf(channel));
  }
}
