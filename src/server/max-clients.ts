/*
 * maxclients, and how many clients the system lets us have: each is a descriptor, and so is every file and every link of
 * the cluster bus.
 */

import { DESCRIPTORS_RESERVED, type Descriptors } from '../base/descriptors.ts';
import type { Logger } from '../base/log.ts';
import { ConfigFailure } from '../config/conf-file.ts';
import type { Config } from '../config/directives.ts';

/** Every other node has two links with us: room for 32 of them. */
const BUS_LINKS = 64;

/** How many clients there can be; zero or less when there cannot be any. */
export function clientsAllowed({ limit, open }: Descriptors, config: Config): number {
  return limit - overhead(config, open);
}

/** At the start, where too much is lowered and said. Throws a ConfigFailure when not even one client could come in. */
export function lowerMaxClients(config: Config, { descriptors, log }: { descriptors: Descriptors; log: Logger }): void {
  const { limit, open } = descriptors;
  const wanted = config.maxclients;
  const allowed = clientsAllowed(descriptors, config);
  if (allowed >= wanted) return;
  const needed = wanted + overhead(config, open);
  if (allowed < 1) {
    throw new ConfigFailure(
      `Your current 'ulimit -n' of ${limit} is not enough for the server to start. Please increase your open file limit to ` +
        `at least ${needed}. Exiting.`,
    );
  }
  config.maxclients = allowed;
  log.warning(`You requested maxclients of ${wanted} requiring at least ${needed} max file descriptors.`);
  log.warning(
    `Current maximum open files is ${limit}. maxclients has been reduced to ${allowed} to compensate for low ulimit. If you ` +
      "need higher maxclients increase 'ulimit -n'.",
  );
}

function overhead(config: Config, open: number): number {
  return open + DESCRIPTORS_RESERVED + (config['cluster-enabled'] ? BUS_LINKS : 0);
}
