import { entropySeed } from '../../base/prng.ts';
import { Key } from '../data/key.ts';

/** The secret that members and fields of all values of this process are hashed with; strangers must not find colliding ones. */
export const MEMBER_KEY = new Key(entropySeed());
