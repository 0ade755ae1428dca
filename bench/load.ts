/*
 * The two ways to load a server: redis-benchmark, for requests per second, and a filler of our own, because
 * redis-benchmark cannot set every key once: it picks keys at random and leaves a third of them out.
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';

const BATCH = 100;
const DIGITS = 12;

/** Runs redis-benchmark and answers the requests per second it counted. */
export function runBenchmark(args: readonly (string | number)[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn('redis-benchmark', ['--csv', ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('close', () => {
      // The last line reads "GET","123456.78", and latencies after them.
      const line = text.trim().split('\n').at(-1) ?? '';
      const rate = Number(line.split(',')[1]?.replaceAll('"', ''));
      if (rate > 0) resolve(rate);
      else reject(new Error(`redis-benchmark ${args.join(' ')} printed: ${text}`));
    });
  });
}

/**
 * Sets all keys that redis-benchmark picks from, key:000000000000 and so on, once and in order: by one connection, a
 * hundred at a time, each hundred when the one before is answered.
 */
export function fill(port: number, { keys, valueBytes }: { keys: number; valueBytes: number }): Promise<void> {
  const value = 'v'.repeat(valueBytes);
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let sent = 0;
    let answered = 0;
    const send = (): void => {
      let text = '';
      for (const end = Math.min(sent + BATCH, keys); sent < end; sent++) {
        const key = `key:${String(sent).padStart(DIGITS, '0')}`;
        text += `*3\r\n$3\r\nSET\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;
      }
      socket.write(text, 'latin1');
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () =>
      answered < keys ? reject(new Error('the server hung up while it was filled')) : resolve(),
    );
    socket.on('data', (chunk) => {
      answered += chunk.length / '+OK\r\n'.length;
      if (answered >= keys) socket.end();
      else if (answered >= sent) send();
    });
  });
}
