/*
 * Which cluster a command is about: 'default' and other names are clusters of ours, '7000' and 'host:7000' are nodes of
 * anybody, which are then asked for the rest of their cluster. Several addresses stand apart or with commas.
 */

import type { Access } from '../node/access.ts';
import { isAddress, parseAddress } from '../node/address.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import { type ClusterTarget, findCluster, findOwner, targetOf } from '../topology/target.ts';
import { readPem } from './cli-target.ts';

export interface AccessFlags {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: boolean | undefined;
  readonly cacert?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** `words` are the arguments of the command; without any, `name` is meant. */
export function chooseTarget(
  words: readonly string[],
  { home, name, access }: { home: string; name: string; access: AccessFlags },
): ClusterTarget {
  const given = accessFrom(access);
  const [first] = words;
  if (first === undefined) return chooseNamed(name, { home, given });
  if (words.every(isAddress)) return chooseAt(words, { home, given });
  if (words.length === 1) return chooseNamed(first, { home, given });
  throw new CliFailure('expected one cluster', {
    code: 'USAGE',
    exit: EXIT.usage,
    why: `expected the name of one cluster or the addresses of nodes, not ${words.join(' ')}`,
  });
}

/** What stands behind --cluster: a name, or addresses with commas between them. */
function chooseNamed(name: string, { home, given }: { home: string; given: Access }): ClusterTarget {
  const parts = name.split(',');
  return parts.every(isAddress) ? chooseAt(parts, { home, given }) : withAccess(findCluster({ home, name }), given);
}

/** By address; nodes of a cluster of ours are let in, and judged, as if its name had been given. */
function chooseAt(words: readonly string[], { home, given }: { home: string; given: Access }): ClusterTarget {
  const addresses = words.map((word) => parseAddress(word));
  const owners = addresses.map((address) => findOwner(address, home));
  const [owner = null] = owners;
  const isOurs = owner !== null && owners.every((one) => one?.folder === owner.folder);
  return isOurs ? withAccess(owner, given) : targetOf(addresses, given);
}

/** What is said outright goes before what the folder of the cluster says. */
function withAccess<Target extends ClusterTarget>(target: Target, given: Access): Target {
  return { ...target, access: { ...target.access, ...given } };
}

export function accessFrom({ user, password, tls, cacert, cert, key }: AccessFlags): Access {
  return {
    ...(user === undefined ? {} : { username: user }),
    ...(password === undefined ? {} : { password }),
    ...(tls === true
      ? {
          tls: {
            ca: readPem(cacert, '--cacert') ?? '',
            cert: readPem(cert, '--cert') ?? '',
            key: readPem(key, '--key') ?? '',
          },
        }
      : {}),
  };
}
