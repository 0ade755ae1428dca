/*
 * A hash being put together: knows the two forms of hash-value.ts and when one becomes the other. As in Redis, a packed
 * hash is left when a field or value is longer than hash-max-listpack-value, and when there are more fields than
 * hash-max-listpack-entries.
 */
import { assert } from '../../base/assert.ts';
import { ENCODING_HASHTABLE, ENCODING_LISTPACK, TYPE_HASH } from '../data/encoding.ts';
import * as listpack from '../data/listpack.ts';
import { MemberTable } from '../data/member-table.ts';
import { PackedDraft } from '../data/packed-draft.ts';
import type { Database, Entry, Ref } from '../keyspace/database.ts';
import { defaultLimits, type ValueLimits } from '../keyspace/limits.ts';
import { MEMBER_KEY } from './member-key.ts';

/** More would not be a listpack that other servers load, whatever the directives say. */
const PACKED_BYTES_MAX = 1024 * 1024 * 1024;

export class HashBuilder {
  /** Number of fields. */
  size = 0;
  #limits = defaultLimits();
  /** The packed form; of no meaning while there is an object. */
  readonly #packed = new PackedDraft();
  #object: MemberTable | null = null;
  readonly #field = new listpack.Entry();
  readonly #value = new listpack.Entry();

  /** Starts with no fields. */
  clear(limits: ValueLimits): void {
    const out = this.#packed.room(listpack.EMPTY_BYTES);
    this.startWith(out, 0, listpack.finish(out, 0, listpack.first(0), 0), limits);
  }

  /** Starts with the fields of a packed hash. */
  startWith(buf: Buffer, off: number, len: number, limits: ValueLimits): void {
    this.#limits = limits;
    this.#packed.start(buf, off, len);
    this.#object = null;
    this.size = listpack.count(buf, off, len) / 2;
  }

  /** False when the field had a value already. */
  set(fbuf: Buffer, foff: number, flen: number, vbuf: Buffer, voff: number, vlen: number): boolean {
    if (this.#object === null && !this.#fits(flen, vlen)) this.leavePacked();
    const isNew =
      this.#object === null
        ? this.#setPacked(fbuf, foff, flen, vbuf, voff, vlen)
        : this.#object.put(fbuf, foff, flen, vbuf, voff, vlen);
    if (isNew) this.size++;
    if (this.#object === null && this.size > this.#limits['hash-max-listpack-entries']) this.leavePacked();
    return isNew;
  }

  /** False when there was no such field. Only of packed hashes: a builder is not asked to take back what it built. */
  remove(fbuf: Buffer, foff: number, flen: number): boolean {
    assert(this.#object === null, 'a builder removes from packed hashes only');
    const { buf, off, len } = this.#packed;
    const at = listpack.find(buf, listpack.first(off), listpack.end(off, len), 2, fbuf, foff, flen);
    if (at < 0) return false;
    const behind = listpack.next(buf, listpack.next(buf, at));
    const out = this.#packed.room(len);
    this.#packed.take(out, listpack.remove(out, 0, buf, off, len, at, behind, 2));
    this.size--;
    return true;
  }

  /** Makes a table of a packed hash. */
  leavePacked(): void {
    const object = new MemberTable(MEMBER_KEY, true);
    const field = this.#field;
    const value = this.#value;
    const { buf, off, len } = this.#packed;
    const end = listpack.end(off, len);
    for (let at = listpack.first(off); at < end; at = listpack.next(buf, at)) {
      listpack.read(buf, at, field);
      at = listpack.next(buf, at);
      listpack.read(buf, at, value);
      object.put(field.buf, field.off, field.len, value.buf, value.off, value.len);
    }
    this.#object = object;
  }

  /** Makes the hash, which is not empty, the value of a key. The builder has to be started again afterwards. */
  store(db: Database, kbuf: Buffer, koff: number, klen: number, found?: Ref): void {
    const object = this.#object;
    if (object === null) {
      const { buf, off, len } = this.#packed;
      db.setPacked(kbuf, koff, klen, TYPE_HASH, ENCODING_LISTPACK, buf, off, len, found);
    } else {
      this.#object = null;
      db.setObject(kbuf, koff, klen, TYPE_HASH, ENCODING_HASHTABLE, object);
    }
  }

  /** The same as a value without a key. */
  entry(deadline_ms: number): Entry {
    const object = this.#object;
    this.#object = null;
    const encoding = object === null ? ENCODING_LISTPACK : ENCODING_HASHTABLE;
    return { type: TYPE_HASH, encoding, deadline_ms, bytes: object === null ? this.#packed.copy() : null, object };
  }

  #fits(flen: number, vlen: number): boolean {
    const more = listpack.lengthBound(flen) + listpack.lengthBound(vlen);
    return (
      Math.max(flen, vlen) <= this.#limits['hash-max-listpack-value'] && this.#packed.len + more <= PACKED_BYTES_MAX
    );
  }

  #setPacked(fbuf: Buffer, foff: number, flen: number, vbuf: Buffer, voff: number, vlen: number): boolean {
    const { buf, off, len } = this.#packed;
    const at = listpack.find(buf, listpack.first(off), listpack.end(off, len), 2, fbuf, foff, flen);
    const out = this.#packed.room(len + listpack.lengthBound(flen) + listpack.lengthBound(vlen));
    const bytes =
      at < 0
        ? listpack.appendPair(out, 0, buf, off, len, fbuf, foff, flen, vbuf, voff, vlen)
        : listpack.replace(out, 0, buf, off, len, listpack.next(buf, at), vbuf, voff, vlen);
    this.#packed.take(out, bytes);
    return at < 0;
  }
}
