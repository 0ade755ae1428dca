/* One client as CLIENT LIST and CLIENT INFO show it: fields that scripts parse, in Redis' order. */

import type { Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';

export function clientLine({ clock, config }: Server, client: Client): string {
  const { connection } = client;
  const ends = connection ?? client.link;
  const now_ms = clock.monotonic_ms();
  const fields: [string, string | number][] = [
    ['id', client.id],
    ['addr', addressOf(client, ends?.remoteAddress, ends?.remotePort, config.unixsocket)],
    ['laddr', addressOf(client, ends?.localAddress, ends?.localPort, config.unixsocket)],
    ['fd', fdOf(client)],
    ['name', client.name],
    ['age', Math.floor((now_ms - client.created_ms) / 1000)],
    ['idle', Math.max(0, Math.floor((now_ms - client.lastInteraction_ms) / 1000))],
    ['flags', flagsOf(client)],
    ['db', client.db.index],
    ['sub', 0],
    ['psub', 0],
    ['ssub', 0],
    ['multi', client.transaction === null ? -1 : client.transaction.queue.length],
    ['qbuf', connection?.parser.held ?? 0],
    ['qbuf-free', 0],
    ['argv-mem', 0],
    ['multi-mem', client.transaction?.queue.reduce((sum, { request }) => sum + request.buf.length, 0) ?? 0],
    ['rbs', 0],
    ['rbp', 0],
    ['obl', 0],
    ['oll', connection?.pendingOutput === 0 ? 0 : 1],
    ['omem', connection?.pendingOutput ?? 0],
    ['tot-mem', (connection?.parser.held ?? 0) + (connection?.pendingOutput ?? 0)],
    ['events', connection?.pendingOutput === 0 ? 'r' : 'rw'],
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

/** The descriptor's number is Node's own; the id stands for it, being as unique. */
function fdOf(client: Client): number {
  return (client.connection ?? client.link) === null ? -1 : client.id;
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
