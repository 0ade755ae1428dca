/* Before anything is read or opened: the files that the configuration says this server will write are its own. */

import path from 'node:path';
import type { Logger } from '../base/log.ts';
import type { Config } from '../config/directives.ts';
import { NodesConfFailure } from './bus/nodes-conf-file.ts';
import { aofPath } from './persistence/aof-folder.ts';
import { type Claims, InUse } from './persistence/claims.ts';
import { DiskFailure, makeFolder } from './persistence/disk.ts';
import { rdbPath } from './persistence/persistence.ts';

/** Throws when another server has one of them. */
export async function claimFiles(claims: Claims, config: Config, log: Logger): Promise<void> {
  if (config['cluster-enabled']) await claimNodesConf(claims, nodesConfPath(config));
  if (config.appendonly) {
    makeFolder(path.dirname(aofPath(config)));
    await claims.await(aofPath(config));
  }
  if (config.save.length > 0) await claimRdb(claims, rdbPath(config), log);
}

export function nodesConfPath(config: Config): string {
  return path.resolve(config.dir, config['cluster-config-file']);
}

/** Two that write one nodes.conf would make it neither's, and be one node with two minds. */
async function claimNodesConf(claims: Claims, file: string): Promise<void> {
  try {
    await claims.await(file);
  } catch (failure) {
    if (!(failure instanceof InUse)) throw failure;
    throw new NodesConfFailure(
      `Sorry, the cluster configuration file ${failure.message}. Please make sure that different nodes use different ` +
        'cluster configuration files.',
    );
  }
}

/** A folder that cannot be written is found out by the first save, as on redis-server: data can be served from it. */
async function claimRdb(claims: Claims, file: string, log: Logger): Promise<void> {
  try {
    await claims.await(file);
  } catch (failure) {
    if (failure instanceof InUse || !(failure instanceof DiskFailure)) throw failure;
    log.warning(`The RDB file cannot be saved: ${failure.message}`);
  }
}
