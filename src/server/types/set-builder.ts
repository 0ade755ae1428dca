/*
 * A set being put together: knows the three forms of set-value.ts and when one becomes the next. A packed form is rebuilt
 * from one Buffer into another with every change, so the bytes that a builder was started with stay as they are.
 */
import { assert } from '../../base/assert.ts';
import { ENCODING_HASHTABLE, ENCODING_INTSET, ENCODING_LISTPACK, TYPE_SET } from '../data/encoding.ts';
import * as intset from '../data/intset.ts';
import * as listpack from '../data/listpack.ts';
import { MemberTable } from '../data/member-table.ts';
import { PackedDraft } from '../data/packed-draft.ts';
import type { Database, Entry, Ref } from '../keyspace/database.ts';
import { defaultLimits, type ValueLimits } from '../keyspace/limits.ts';
import { MEMBER_KEY } from './member-key.ts';

/** No integer of 64 bits is longer. */
const DIGITS_MAX = 20;

export class SetBuilder {
  size = 0;
  #limits = defaultLimits();
  #encoding = ENCODING_INTSET;
  /** The packed form; of no meaning while there is an object. */
  readonly #packed = new PackedDraft();
  #object: MemberTable | null = null;
  readonly #value = new intset.Integer64();
  readonly #entry = new listpack.Entry();

  /** Starts with no members, as an intset or a listpack. */
  clear(limits: ValueLimits, encoding = ENCODING_INTSET): void {
    const out = this.#packed.room(intset.HEADER_BYTES);
    if (encoding === ENCODING_INTSET) {
      intset.writeEmpty(out, 0);
      this.startWith(encoding, out, 0, intset.HEADER_BYTES, limits);
    } else {
      this.startWith(encoding, out, 0, listpack.finish(out, 0, listpack.first(0), 0), limits);
    }
  }

  /** Starts with no members, of which so many are to come, this one first. */
  create(count: number, vbuf: Buffer, voff: number, vlen: number, limits: ValueLimits): void {
    const areFew = count <= limits['set-max-intset-entries'];
    const encoding = areFew && intset.parse(vbuf, voff, vlen, this.#value) ? ENCODING_INTSET : ENCODING_LISTPACK;
    this.clear(limits, encoding);
    this.expect(count);
  }

  /** So many members are to come: a form that is not for so many is left at once, even if they are members already. */
  expect(count: number): void {
    const isIntset = this.#encoding === ENCODING_INTSET;
    const most = this.#limits[isIntset ? 'set-max-intset-entries' : 'set-max-listpack-entries'];
    if (this.#object === null && count > most) this.#becomeObject();
  }

  /** Starts with the members of a packed set: an intset, or else a listpack. */
  startWith(encoding: number, buf: Buffer, off: number, len: number, limits: ValueLimits): void {
    this.#limits = limits;
    this.#encoding = encoding;
    this.#packed.start(buf, off, len);
    this.#object = null;
    this.size = encoding === ENCODING_INTSET ? intset.count(buf, off) : listpack.count(buf, off, len);
  }

  /** False when it was a member already. */
  add(vbuf: Buffer, voff: number, vlen: number): boolean {
    if (!this.#addMember(vbuf, voff, vlen)) return false;
    this.size++;
    return true;
  }

  /** False when it was no member. Only of packed sets: a builder is not asked to take back what it built. */
  remove(vbuf: Buffer, voff: number, vlen: number): boolean {
    assert(this.#object === null, 'a builder removes from packed sets only');
    const { buf, off, len } = this.#packed;
    const out = this.#packed.room(len);
    if (this.#encoding === ENCODING_INTSET) {
      const index = intset.parse(vbuf, voff, vlen, this.#value) ? intset.find(buf, off, this.#value) : -1;
      if (index < 0) return false;
      this.#packed.take(out, intset.remove(out, 0, buf, off, index));
    } else {
      const at = listpack.find(buf, listpack.first(off), listpack.end(off, len), 1, vbuf, voff, vlen);
      if (at < 0) return false;
      this.#packed.take(out, listpack.remove(out, 0, buf, off, len, at, listpack.next(buf, at), 1));
    }
    this.size--;
    return true;
  }

  /** Makes the set, which is not empty, the value of a key. The builder has to be started again afterwards. */
  store(db: Database, kbuf: Buffer, koff: number, klen: number, found?: Ref): void {
    const object = this.#object;
    if (object === null) {
      const { buf, off, len } = this.#packed;
      db.setPacked(kbuf, koff, klen, TYPE_SET, this.#encoding, buf, off, len, found);
    } else {
      this.#object = null;
      db.setObject(kbuf, koff, klen, TYPE_SET, ENCODING_HASHTABLE, object);
    }
  }

  /** The same as a value without a key. */
  entry(deadline_ms: number): Entry {
    const object = this.#object;
    this.#object = null;
    const bytes = object === null ? this.#packed.copy() : null;
    return { type: TYPE_SET, encoding: this.#encoding, deadline_ms, bytes, object };
  }

  #addMember(vbuf: Buffer, voff: number, vlen: number): boolean {
    if (this.#object !== null) return this.#object.add(vbuf, voff, vlen);
    if (this.#encoding === ENCODING_INTSET) {
      if (intset.parse(vbuf, voff, vlen, this.#value)) {
        const index = intset.find(this.#packed.buf, this.#packed.off, this.#value);
        if (index >= 0) return false;
        if (this.size < this.#limits['set-max-intset-entries']) {
          this.#insertInteger(-1 - index);
          return true;
        }
        this.#becomeObject();
      } else {
        this.#leaveIntset(vlen);
      }
      return this.#addMember(vbuf, voff, vlen);
    }
    const { buf, off, len } = this.#packed;
    if (listpack.find(buf, listpack.first(off), listpack.end(off, len), 1, vbuf, voff, vlen) >= 0) return false;
    if (!this.#fitsListpack(vlen)) {
      this.#becomeObject();
      return this.#addMember(vbuf, voff, vlen);
    }
    const out = this.#packed.room(len + listpack.lengthBound(vlen));
    this.#packed.take(out, listpack.append(out, 0, buf, off, len, vbuf, voff, vlen));
    return true;
  }

  #insertInteger(index: number): void {
    const { buf, off } = this.#packed;
    const out = this.#packed.room(intset.bytesWith(buf, off, this.#value));
    this.#packed.take(out, intset.insert(out, 0, buf, off, index, this.#value));
  }

  /** Makes room for one more member, of this length, that does not fit an intset. */
  #leaveIntset(vlen: number): void {
    if (!this.#fitsListpack(Math.max(vlen, this.#longestInteger()))) {
      this.#becomeObject();
      return;
    }
    const out = this.#packed.room(listpack.EMPTY_BYTES + this.size * listpack.lengthBound(0));
    const entry = this.#entry;
    let to = listpack.first(0);
    for (let i = 0; i < this.size; i++) {
      this.#readInteger(i, entry);
      to = listpack.writeEntry(out, to, entry.buf, entry.off, entry.len);
    }
    this.#encoding = ENCODING_LISTPACK;
    this.#packed.take(out, listpack.finish(out, 0, to, this.size));
  }

  #fitsListpack(vlen: number): boolean {
    return this.size < this.#limits['set-max-listpack-entries'] && vlen <= this.#limits['set-max-listpack-value'];
  }

  /** As text, of the members of an intset; 0 where the limit is above them all. */
  #longestInteger(): number {
    if (this.size === 0 || this.#limits['set-max-listpack-value'] >= DIGITS_MAX) return 0;
    this.#readInteger(0, this.#entry);
    const lowest = this.#entry.len;
    this.#readInteger(this.size - 1, this.#entry);
    return Math.max(lowest, this.#entry.len);
  }

  #becomeObject(): void {
    const object = new MemberTable(MEMBER_KEY, false);
    const entry = this.#entry;
    if (this.#encoding === ENCODING_INTSET) {
      for (let i = 0; i < this.size; i++) {
        this.#readInteger(i, entry);
        object.add(entry.buf, entry.off, entry.len);
      }
    } else {
      const { buf, off, len } = this.#packed;
      const end = listpack.end(off, len);
      for (let at = listpack.first(off); at < end; at = listpack.next(buf, at)) {
        listpack.read(buf, at, entry);
        object.add(entry.buf, entry.off, entry.len);
      }
    }
    this.#encoding = ENCODING_HASHTABLE;
    this.#object = object;
  }

  #readInteger(index: number, entry: listpack.Entry): void {
    intset.read(this.#packed.buf, this.#packed.off, index, this.#value);
    entry.buf = entry.digits;
    entry.off = 0;
    entry.len = intset.format(this.#value, entry.digits, 0);
  }
}
