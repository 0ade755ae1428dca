/*
 * A node that has just started, or had no majority, waits for up to its node timeout before it calls the cluster ok: it
 * might be about to learn that its slots have moved. Nothing can have moved in a cluster that is being made, so while it
 * is, the timeout is short; afterwards every node gets its own back.
 */
import type { NodeClient, Reply } from './client.ts';

const HURRIED_MS = 1000;

/** Answers how to give the timeouts back. A node that has no such setting keeps its own pace. */
export async function hurryGossip(clients: readonly NodeClient[]): Promise<() => Promise<void>> {
  const timeouts = await Promise.all(
    clients.map(async (client) => {
      const reply = await client.call('CONFIG', 'GET', 'cluster-node-timeout').catch(() => null);
      const timeout_ms = Number(secondOf(reply));
      if (!(timeout_ms > HURRIED_MS)) return null;
      await client.call('CONFIG', 'SET', 'cluster-node-timeout', HURRIED_MS);
      return timeout_ms;
    }),
  );
  return async () => {
    await Promise.all(
      clients.map(async (client, index) => {
        const timeout_ms = timeouts[index];
        if (timeout_ms != null) await client.call('CONFIG', 'SET', 'cluster-node-timeout', timeout_ms);
      }),
    );
  };
}

function secondOf(reply: Reply): unknown {
  return Array.isArray(reply) ? reply[1] : undefined;
}
