/*
 * A network between the buses of nodes, in which connections can be cut: every node announces a port of this proxy as its
 * bus, and the proxy leads to the real one. Who connects is read from the first packet, which names its sender.
 */
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Bytes 40 to 79 of every packet of the bus are the id of its sender. */
const SENDER_AT = 40;
const SENDER_END = 80;

interface Passage {
  readonly from: string;
  readonly to: string;
  readonly ends: readonly Socket[];
}

export class BusProxy {
  readonly #servers: Server[] = [];
  readonly #passages = new Set<Passage>();
  readonly #sockets = new Set<Socket>();
  #isCut: (from: string, to: string) => boolean = () => false;

  /** Leads from `port` to the bus of the node with that id, which is asked for when somebody comes. */
  async lead(port: number, busPort: number, idOf: () => string): Promise<void> {
    const server = createServer((socket) => this.#admit(socket, busPort, idOf()));
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve));
  }

  /** From now on these nodes and the others do not hear of each other. */
  isolate(ids: readonly string[]): void {
    this.#isCut = (from, to) => ids.includes(from) !== ids.includes(to);
    for (const { from, to, ends } of this.#passages) if (this.#isCut(from, to)) for (const end of ends) end.destroy();
  }

  heal(): void {
    this.#isCut = () => false;
  }

  close(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #admit(socket: Socket, busPort: number, to: string): void {
    this.#keep(socket);
    let head = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      if (head.length < SENDER_END) return;
      socket.off('data', onData);
      this.#pass(socket, busPort, { from: head.toString('latin1', SENDER_AT, SENDER_END), to, head });
    };
    socket.on('data', onData);
  }

  #pass(socket: Socket, busPort: number, { from, to, head }: { from: string; to: string; head: Buffer }): void {
    if (this.#isCut(from, to)) return void socket.destroy();
    const onward = connect({ host: '127.0.0.1', port: busPort });
    this.#keep(onward);
    const passage = { from, to, ends: [socket, onward] };
    this.#passages.add(passage);
    onward.write(head);
    socket.pipe(onward);
    onward.pipe(socket);
    for (const end of passage.ends) {
      end.once('close', () => {
        this.#passages.delete(passage);
        for (const other of passage.ends) other.destroy();
      });
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
