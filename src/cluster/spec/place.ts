/** `--port auto`: the ports of a new cluster are chosen among those that are free, from those of its spec on. */

import { findFreePlace } from '../machine/ports.ts';
import { CliFailure, EXIT } from '../run/failure.ts';
import type { ClusterSpec } from './spec.ts';
import { validateSpec } from './validate.ts';

export async function placeFreely(spec: ClusterSpec): Promise<ClusterSpec> {
  validateSpec(spec);
  const { host, port: first, primaries, replicas } = spec;
  const count = primaries * (1 + replicas);
  const port = await findFreePlace({ host, first, count });
  if (port !== null) return { ...spec, port };
  throw new CliFailure(`found no ${count} free ports at or above ${first}`, {
    code: 'PORT_IN_USE',
    exit: EXIT.conflict,
    suggestions: ['rkv cluster list'],
  });
}
