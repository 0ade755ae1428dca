/* One client as CLIENT LIST and CLIENT INFO show it: fields that scripts parse, in Redis' order. */

import type { Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';
import { memoryOfClient } from './client-memory.ts';

export function clientLine(server: Server, client: Client): string {
  const { clock, config } = server;
  const { connection } = client;
  const ends = connection ?? client.link;
  const memory = memoryOfClient(server, client);
  const now_ms = clock.monotonic_ms();
  const fields: [string, string | number][] = [
    ['id', client.id],
    ['addr', addressOf(client, ends?.remoteAddress, ends?.remotePort, config.unixsocket)],
    ['laddr', addressOf(client, ends?.localAddress, ends?.localPort, config.unixsocket)],
    ['fd', connection?.fd ?? -1],
    ['name', client.name],
    ['age', Math.floor((now_ms - client.created_ms) / 1000)],
    ['idle', Math.max(0, Math.floor((now_ms - client.lastInteraction_ms) / 1000))],
    ['flags', flagsOf(client)],
    ['db', client.db.index],
    ['sub', 0],
    ['psub', 0],
    ['ssub', 0],
    ['multi', client.transaction === null ? -1 : client.transaction.queue.length],
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
  if (client.libName !== '') fields.push(['lib-name', client.libName]);
  if (client.libVersion !== '') fields.push(['lib-ver', client.libVersion]);
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
  if (client.transaction !== null) flags += 'x';
  if (client.blocked !== null) flags += 'b';
  if (client.watcher.dirty) flags += 'd';
  if (client.connection?.closing === true) flags += 'c';
  if (client.readonly) flags += 'r';
  if (client.transport === 'unix') flags += 'U';
  if (client.noEvict) flags += 'e';
  return flags === '' ? 'N' : flags;
}
