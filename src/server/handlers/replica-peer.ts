/* The connection of a replica as replication sees it. */

import type { Peer } from '../replication/host.ts';
import type { Client } from '../state/client.ts';
import type { Server } from '../state/server.ts';

/** The client must have a connection. */
export function peerOf(server: Server, client: Client): Peer {
  const connection = client.connection!;
  connection.socket.setNoDelay(!server.config['repl-disable-tcp-nodelay']);
  return {
    id: client.id,
    ip: connection.remoteAddress.replace(/^::ffff:/, ''),
    send(bytes) {
      if (!connection.closed) server.output.sendBytes(connection, bytes);
    },
    write(bytes, taken) {
      connection.bytesOut += bytes.length;
      connection.socket.write(bytes, (error) => {
        // Other clients have their turn between two pieces of a big data set.
        if (error === null || error === undefined) setImmediate(taken);
      });
    },
    close: (when) => server.closeClient(client, when),
  };
}
