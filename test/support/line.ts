/* A line between two servers that a test can hold or cut: what the one sends stops after so many bytes. */

import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

export class Line {
  port = 0;
  /** Bytes that each connection carries from the server to who connected, before it stops. */
  limit = Number.POSITIVE_INFINITY;
  /** Connections that stopped there. */
  stopped = 0;
  connections = 0;
  readonly #server: Server;
  readonly #pairs = new Set<{ near: Socket; far: Socket; held: Buffer[] }>();

  private constructor(target: number) {
    this.#server = createServer((near) => this.#join(near, connect(target, '127.0.0.1')));
  }

  /** A line to a port of this machine; it goes when the test ends. */
  static async to(target: number): Promise<Line> {
    const line = new Line(target);
    await new Promise<void>((resolve) => line.#server.listen(0, '127.0.0.1', resolve));
    line.port = (line.#server.address() as { port: number }).port;
    onTestFinished(() => {
      line.cut();
      line.#server.close();
    });
    return line;
  }

  /** Ends all connections; new ones are made again. */
  cut(): void {
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
  }

  /** Nothing that is said to the server arrives any more on the connections there are. */
  mute(): void {
    for (const { near } of this.#pairs) near.removeAllListeners('data').resume();
  }

  /** Nothing that the server says is taken any more on the connections there are. */
  pause(): void {
    for (const { far } of this.#pairs) far.pause();
  }

  /** Lets through what was held, and whatever follows. */
  release(): void {
    this.limit = Number.POSITIVE_INFINITY;
    for (const { near, held } of this.#pairs) for (const bytes of held.splice(0)) near.write(bytes);
  }

  #join(near: Socket, far: Socket): void {
    const pair = { near, far, held: [] as Buffer[] };
    this.#pairs.add(pair);
    this.connections++;
    let passed = 0;
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes: Buffer) => {
      const part = bytes.subarray(0, Math.max(0, this.limit - passed));
      passed += part.length;
      if (part.length > 0) near.write(part);
      if (part.length === bytes.length) return;
      if (pair.held.length === 0) this.stopped++;
      pair.held.push(bytes.subarray(part.length));
    });
    const end = (): void => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) socket.on('close', end).on('error', () => {});
  }
}
