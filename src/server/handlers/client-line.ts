/* One client as CLIENT LIST and CLIENT INFO show it: fields that scripts parse, in Redis' order. */

import { profileOf } from '../../config/profiles.ts';
import type { Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import { memoryOfClient } from './client-memory.ts';

type Fields = [name: string, value: string | number][];

export function clientLine(server: Server, client: Client): string {
  const { clock, config } = server;
  const { connection } = client;
  const ends = connection ?? client.link;
  const memory = memoryOfClient(server, client);
  const now_ms = clock.monotonic_ms();
  const { since72, product } = profileOf(config);
  const isValkey = product === 'valkey';
  const fields: Fields = [
    ['id', client.id],
    ['addr', addressOf(client, ends?.remoteAddress, ends?.remotePort, config.unixsocket)],
    ['laddr', addressOf(client, ends?.localAddress, ends?.localPort, config.unixsocket)],
    ['fd', connection?.fd ?? -1],
    ['name', client.name],
    ['age', Math.floor((now_ms - client.created_ms) / 1000)],
    ['idle', Math.max(0, Math.floor((now_ms - client.lastInteraction_ms) / 1000))],
    ['flags', flagsOf(client)],
    ['db', client.db.index],
    ['sub', client.subscriber?.channels.size ?? 0],
    ['psub', client.subscriber?.patterns.size ?? 0],
    ['ssub', 0],
    ['multi', client.transaction === null ? -1 : client.transaction.queue.length],
    ...(isValkey ? ([['watch', client.watching.length]] as Fields) : []),
    ['qbuf', memory.input],
    ['qbuf-free', memory.inputFree],
    ['argv-mem', memory.arguments],
    ['multi-mem', memory.queued],
    ['rbs', 0],
    ['rbp', 0],
    ['obl', 0],
    ['oll', memory.outputParts],
    ['omem', memory.output],
    ['tot-mem', memory.total],
    ['events', memory.output === 0 ? 'r' : 'rw'],
    ['cmd', client.lastCommand?.fullName ?? 'NULL'],
    ['user', client.user],
    ['redir', -1],
    ['resp', client.resp],
  ];
  if (since72) fields.push(['lib-name', client.libName], ['lib-ver', client.libVersion]);
  if (isValkey) fields.push(['tot-net-in', connection?.bytesIn ?? 0], ['tot-net-out', connection?.bytesOut ?? 0]);
  return fields.map(([name, value]) => `${name}=${value}`).join(' ');
}

function addressOf(client: Client, address: string | undefined, port: number | undefined, unixPath: string): string {
  if (client.transport === 'unix') return `${unixPath}:0`;
  const host = address ?? '';
  return host.includes(':') ? `[${host}]:${port ?? 0}` : `${host}:${port ?? 0}`;
}

function flagsOf(client: Client): string {
  let flags = '';
  if (client.kind === 'replica') flags += 'S';
  if (client.kind === 'primary') flags += 'M';
  if (client.subscriber !== null) flags += 'P';
  if (client.transaction !== null) flags += 'x';
  if (client.blocked !== null) flags += 'b';
  if (client.watcher.dirty) flags += 'd';
  if (client.connection?.closing === true) flags += 'c';
  if (client.readonly) flags += 'r';
  if (client.transport === 'unix') flags += 'U';
  if (client.noEvict) flags += 'e';
  if (client.noTouch) flags += 'T';
  return flags === '' ? 'N' : flags;
}
