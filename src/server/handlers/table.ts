/* All commands: the only list of them. */

import type { Spec } from '../command/spec.ts';
import { specs as connection } from './connection.ts';
import { specs as string } from './string.ts';
import { specs as stringNumber } from './string-number.ts';
import { specs as stringRange } from './string-range.ts';
import { specs as transaction } from './transaction.ts';

export const specs: readonly Spec[] = [
  ...connection,
  ...transaction,
  ...string,
  ...stringNumber,
  ...stringRange,
];
