/*
 * Which arguments of a request are keys. Cluster routing asks for every command, so the positions are written into an
 * array that is used again and again.
 */

import { equalsFolded } from '../../base/ascii.ts';
import type { Request } from '../protocol/request.ts';
import type { KeySpec, Spec } from './spec.ts';

/** Fills `indexes` with the argument indexes of all keys, in the order of the specs; answers how many there are. */
export function findKeys(spec: Spec, request: Request, indexes: number[]): number {
  indexes.length = 0;
  if (spec.findKeys !== undefined) {
    spec.findKeys(request, indexes);
    return indexes.length;
  }
  for (let i = 0; i < spec.keys.length; i++) addRange(spec.keys[i]!, request, indexes);
  return indexes.length;
}

function addRange(keys: KeySpec, request: Request, indexes: number[]): void {
  let first = keys.first;
  if (keys.keyword !== undefined) {
    const at = findWord(request, keys.keyword.word, keys.keyword.from);
    if (at < 0) return;
    first = at + 1;
  }
  const last = keys.last < 0 ? request.argc + keys.last : keys.keyword === undefined ? keys.last : first + keys.last;
  for (let at = first; at <= last && at < request.argc; at += keys.step) indexes.push(at);
}

function findWord(request: Request, word: string, from: number): number {
  const lower = word.toLowerCase();
  for (let at = from; at < request.argc; at++) {
    if (equalsFolded(request.buf, request.off[at]!, request.len[at]!, lower)) return at;
  }
  return -1;
}
