/*
 * Memory per key, and the longest stall while the keys come in. The filler sends SETs of sequential keys of 16 bytes and
 * values of 32, a hundred at a time, and waits for their replies.
 */
import { connect } from 'node:net';
import { KINDS, type Kind, residentBytes, start } from './servers.ts';

export interface MemoryResult {
  keys: number;
  bytesPerKey: Record<Kind, number>;
  ratio: number;
  /** Milliseconds of CPU in the longest turn of our event loop. */
  longestTurn_ms: number;
}

const BATCH = 100;
const KEY_BYTES = 16;
const VALUE = 'v'.repeat(32);

export async function benchMemory(keys: number, port: number): Promise<MemoryResult> {
  const bytesPerKey: Record<Kind, number> = { redis: 0, rkv: 0 };
  let longestTurn_ms = 0;
  for (const [i, kind] of KINDS.entries()) {
    const preload = new URL('./stall-probe.mjs', import.meta.url).pathname;
    const server = await start(kind, port + i, kind === 'rkv' ? { preload } : {});
    const before = residentBytes(server.pid);
    await fill(server.port, keys);
    bytesPerKey[kind] = (residentBytes(server.pid) - before) / keys;
    if (kind === 'rkv') {
      const printed = new Promise<string>((resolve) => server.child.stdout!.on('data', (text: string) => {
        if (text.includes('longest turn')) resolve(text);
      }));
      server.child.kill('SIGUSR2');
      longestTurn_ms = Number((await printed).match(/longest turn (\d+)/)?.[1]) / 1000;
    }
    await server.stop();
  }
  return { keys, bytesPerKey, ratio: bytesPerKey.rkv / bytesPerKey.redis, longestTurn_ms };
}

function fill(port: number, keys: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let sent = 0;
    let answered = 0;
    const send = (): void => {
      let text = '';
      const end = Math.min(sent + BATCH, keys);
      for (; sent < end; sent++) {
        const key = `key:${String(sent).padStart(KEY_BYTES - 4, '0')}`;
        text += `*3\r\n$3\r\nSET\r\n$${KEY_BYTES}\r\n${key}\r\n$${VALUE.length}\r\n${VALUE}\r\n`;
      }
      socket.write(text, 'latin1');
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      answered += chunk.length / 5; // "+OK\r\n"
      if (answered >= keys) {
        socket.destroy();
        resolve();
      } else if (answered >= sent) {
        send();
      }
    });
  });
}
