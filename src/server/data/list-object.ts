/*
 * A list too big for its key's record: a double-ended queue of blocks, each a Buffer of about 8 KB in which listpack
 * entries lie without gaps between `start` and `end`. A block made by a push to the tail is filled from its left edge, one
 * made by a push to the head from its right edge, so a push writes the entry and moves nothing; a pop moves an edge. An
 * index is found by walking the counts of the blocks from the nearer end, then the entries of one block.
 *
 * `clone` costs one pointer per block: both lists then hold the same blocks, marked as shared, and whoever wants to write
 * to one takes a copy of it first. Snapshots and COPY live on that. `over` uses the same mark to read a packed list from
 * its record, so every reader knows one form only.
 */
import { assert } from '../../base/assert.ts';
import type { Aggregate } from './aggregate.ts';
import { BLOCK_BYTES, BLOCK_OVERHEAD_BYTES, Block, BlockMemory, LONE_BYTES } from './list-block.ts';
import type { Entry } from './listpack.ts';
import * as listpack from './listpack.ts';
import { LEAVE_SLABS_BELOW_BYTES } from './slabs.ts';

const RING_MIN = 4;

/** A place in a list; any change of the list that does not go through this cursor makes it useless. */
export class ListCursor {
  /** Ordinal of the block. */
  block = 0;
  at = 0;
}

export class ListObject implements Aggregate {
  holders = 0;
  length = 0;
  /** Bytes of all entries. */
  entryBytes = 0;
  #allocated = 0;
  /** A ring of blocks: the head's at `#first`, `#blocks` of them, a power of two of places. */
  #ring: (Block | null)[] = new Array<Block | null>(RING_MIN).fill(null);
  #first = 0;
  #blocks = 0;
  #memory = new BlockMemory();

  /** A list that reads a listpack where it lies. What is written to it does not change those bytes. */
  static over(buf: Buffer, off: number, len: number): ListObject {
    const list = new ListObject();
    const total = listpack.count(buf, off, len);
    if (total === 0) return list;
    const block = new Block(buf, listpack.first(off), listpack.end(off, len), total);
    block.shared = true;
    list.#addLast(block);
    list.#account(block, 1);
    return list;
  }

  /** Blocks shared with a clone count in both. */
  usedBytes(): number {
    return this.#allocated + this.#ring.length * 8;
  }

  pushTail(vbuf: Buffer, voff: number, vlen: number): void {
    let block = this.#blocks === 0 ? null : this.#writable(this.#blocks - 1);
    const bound = listpack.lengthBound(vlen);
    if (block === null || block.end + bound > block.buf.length) block = this.#growTail(bound);
    const end = listpack.writeEntry(block.buf, block.end, vbuf, voff, vlen);
    this.entryBytes += end - block.end;
    block.end = end;
    block.count++;
    this.length++;
  }

  pushHead(vbuf: Buffer, voff: number, vlen: number): void {
    let block = this.#blocks === 0 ? null : this.#writable(0);
    const size = listpack.entryBytes(vbuf, voff, vlen);
    if (block === null || block.start < size) block = this.#growHead(size);
    block.start -= size;
    listpack.writeEntry(block.buf, block.start, vbuf, voff, vlen);
    this.entryBytes += size;
    block.count++;
    this.length++;
  }

  /** Appends a whole listpack, as RDB files carry the nodes of a list. */
  pushListpack(buf: Buffer, off: number, len: number, entry: Entry): void {
    const from = listpack.first(off);
    const to = listpack.end(off, len);
    if (len <= BLOCK_BYTES && len >= LONE_BYTES) {
      // Where it fills most of a block.
      const bytes =
        len * 4 > BLOCK_BYTES * 3 ? this.#memory.take(BLOCK_BYTES, this.#allocated) : Buffer.allocUnsafeSlow(to - from);
      buf.copy(bytes, 0, from, to);
      const block = new Block(bytes, 0, to - from, listpack.count(buf, off, len));
      this.#addLast(block);
      this.#account(block, 1);
      return;
    }
    for (let at = from; at < to; at = listpack.next(buf, at)) {
      listpack.read(buf, at, entry);
      this.pushTail(entry.buf, entry.off, entry.len);
    }
  }

  /** Removes the last element. Its bytes stay readable in `entry` until the list changes again. */
  popTail(entry: Entry): void {
    assert(this.length > 0, 'an empty list has no tail');
    let block = this.#block(this.#blocks - 1);
    const at = listpack.previous(block.buf, block.end);
    listpack.read(block.buf, at, entry);
    if (block.count === 1) {
      this.#dropLast();
      return;
    }
    const removed = block.end - at;
    block = this.#writable(this.#blocks - 1);
    block.end -= removed;
    this.#forget(block, removed);
  }

  popHead(entry: Entry): void {
    assert(this.length > 0, 'an empty list has no head');
    let block = this.#block(0);
    listpack.read(block.buf, block.start, entry);
    if (block.count === 1) {
      this.#dropFirst();
      return;
    }
    block = this.#writable(0);
    const removed = listpack.next(block.buf, block.start) - block.start;
    block.start += removed;
    this.#forget(block, removed);
  }

  /** Reads the first or the last element; there must be one. */
  readEnd(end: 'head' | 'tail', entry: Entry): void {
    const block = this.#block(end === 'head' ? 0 : this.#blocks - 1);
    const at = end === 'head' ? block.start : listpack.previous(block.buf, block.end);
    listpack.read(block.buf, at, entry);
  }

  /** Goes to an index of the list, counted from the end when negative; false when there is no such element. */
  seek(index: number, cursor: ListCursor): boolean {
    let rest = index < 0 ? this.length + index : index;
    if (rest < 0 || rest >= this.length) return false;
    let ordinal = 0;
    if (rest * 2 < this.length) {
      for (; rest >= this.#block(ordinal).count; ordinal++) rest -= this.#block(ordinal).count;
    } else {
      let before = this.length;
      ordinal = this.#blocks;
      do before -= this.#block(--ordinal).count;
      while (before > rest);
      rest -= before;
    }
    const block = this.#block(ordinal);
    cursor.block = ordinal;
    cursor.at = listpack.seekBetween(block.buf, block.start, block.end, block.count, rest);
    return true;
  }

  read(cursor: ListCursor, entry: Entry): void {
    listpack.read(this.#block(cursor.block).buf, cursor.at, entry);
  }

  equals(cursor: ListCursor, vbuf: Buffer, voff: number, vlen: number): boolean {
    return listpack.equals(this.#block(cursor.block).buf, cursor.at, vbuf, voff, vlen);
  }

  /** Goes to the following element; false when there is none, and then the cursor is useless. */
  next(cursor: ListCursor): boolean {
    const block = this.#block(cursor.block);
    cursor.at = listpack.next(block.buf, cursor.at);
    if (cursor.at < block.end) return true;
    if (cursor.block + 1 === this.#blocks) return false;
    cursor.at = this.#block(++cursor.block).start;
    return true;
  }

  previous(cursor: ListCursor): boolean {
    let block = this.#block(cursor.block);
    if (cursor.at === block.start) {
      if (cursor.block === 0) return false;
      block = this.#block(--cursor.block);
      cursor.at = block.end;
    }
    cursor.at = listpack.previous(block.buf, cursor.at);
    return true;
  }

  /** Adds an element before the cursor's, which stays the cursor's. */
  insert(cursor: ListCursor, vbuf: Buffer, voff: number, vlen: number): void {
    const size = listpack.entryBytes(vbuf, voff, vlen);
    let block = this.#writableAt(cursor);
    if (block.end + size <= block.buf.length) {
      block.buf.copy(block.buf, cursor.at + size, cursor.at, block.end);
      block.end += size;
      cursor.at += size;
    } else if (block.start >= size) {
      block.buf.copy(block.buf, block.start - size, block.start, cursor.at);
      block.start -= size;
    } else {
      block = this.#split(cursor, size);
    }
    const at = block === this.#block(cursor.block) ? cursor.at - size : block.end - size;
    listpack.writeEntry(block.buf, at, vbuf, voff, vlen);
    this.entryBytes += size;
    block.count++;
    this.length++;
  }

  /** Removes the cursor's element and goes to the following one; false when there is none. */
  remove(cursor: ListCursor): boolean {
    let block = this.#block(cursor.block);
    if (block.count === 1) {
      this.#dropAt(cursor.block);
      if (cursor.block === this.#blocks) return false;
      cursor.at = this.#block(cursor.block).start;
      return true;
    }
    block = this.#writableAt(cursor);
    const after = listpack.next(block.buf, cursor.at);
    const size = after - cursor.at;
    block.buf.copy(block.buf, cursor.at, after, block.end);
    block.end -= size;
    this.#forget(block, size);
    if (cursor.at < block.end) return true;
    if (cursor.block + 1 === this.#blocks) return false;
    cursor.at = this.#block(++cursor.block).start;
    return true;
  }

  /** Makes the cursor's element say something else. */
  replace(cursor: ListCursor, vbuf: Buffer, voff: number, vlen: number): void {
    this.insert(cursor, vbuf, voff, vlen);
    this.remove(cursor);
  }

  /** Keeps `keep` elements, at least one, from `start` on: whole blocks go at once, the two at the edges are narrowed. */
  trim(start: number, keep: number): void {
    let before = start;
    let behind = this.length - start - keep;
    while (before > 0 && before >= this.#block(0).count) {
      before -= this.#block(0).count;
      this.#dropFirst();
    }
    while (behind > 0 && behind >= this.#block(this.#blocks - 1).count) {
      behind -= this.#block(this.#blocks - 1).count;
      this.#dropLast();
    }
    if (before > 0) this.#narrow(0, before, 0);
    if (behind > 0) this.#narrow(this.#blocks - 1, 0, behind);
  }

  /** Rebuilds the blocks when removals have left them mostly empty. */
  compact(entry: Entry): void {
    if (this.#blocks < 2 || this.entryBytes * 2 > this.#allocated - this.#blocks * BLOCK_OVERHEAD_BYTES) return;
    const fresh = new ListObject();
    for (let i = 0; i < this.#blocks; i++) {
      const block = this.#block(i);
      for (let at = block.start; at < block.end; at = listpack.next(block.buf, at)) {
        listpack.read(block.buf, at, entry);
        fresh.pushTail(entry.buf, entry.off, entry.len);
      }
    }
    this.#ring = fresh.#ring;
    this.#first = fresh.#first;
    this.#blocks = fresh.#blocks;
    this.#allocated = fresh.#allocated;
    this.#memory = fresh.#memory;
  }

  /** A list with the same elements that changes on its own. */
  clone(): ListObject {
    const twin = new ListObject();
    twin.length = this.length;
    twin.entryBytes = this.entryBytes;
    twin.#allocated = this.#allocated;
    twin.#ring = this.#ring.slice();
    twin.#first = this.#first;
    twin.#blocks = this.#blocks;
    for (let i = 0; i < this.#blocks; i++) this.#block(i).shared = true;
    this.#memory = new BlockMemory();
    return twin;
  }

  get hasSlabs(): boolean {
    return this.#memory.hasSlabs;
  }

  dispose(): void {
    this.#memory.dispose();
  }

  /** Bytes of the list as one listpack. */
  get packedBytes(): number {
    return this.entryBytes + listpack.EMPTY_BYTES;
  }

  /** Writes the whole list as one listpack of `packedBytes`, and answers that. */
  writePacked(out: Buffer, at: number): number {
    let to = listpack.first(at);
    for (let i = 0; i < this.#blocks; i++) {
      const block = this.#block(i);
      to += block.buf.copy(out, to, block.start, block.end);
    }
    return listpack.finish(out, at, to, this.length);
  }

  /** How many listpacks an RDB file carries for this list. */
  get nodes(): number {
    return this.#blocks;
  }

  nodeBytes(node: number): number {
    const block = this.#block(node);
    return block.end - block.start + listpack.EMPTY_BYTES;
  }

  /** Writes one block as a listpack of `nodeBytes`, and answers that. */
  writeNode(node: number, out: Buffer, at: number): number {
    const block = this.#block(node);
    const from = listpack.first(at);
    block.buf.copy(out, from, block.start, block.end);
    return listpack.finish(out, at, from + block.end - block.start, block.count);
  }

  #block(ordinal: number): Block {
    return this.#ring[(this.#first + ordinal) & (this.#ring.length - 1)] as Block;
  }

  #put(ordinal: number, block: Block | null): void {
    this.#ring[(this.#first + ordinal) & (this.#ring.length - 1)] = block;
  }

  /** The block for writing: a copy in its place when others read it. */
  #writable(ordinal: number): Block {
    const block = this.#block(ordinal);
    if (!block.shared) return block;
    const capacity = Math.max(BLOCK_BYTES, block.end - block.start);
    // A head grows to the left, everything else to the right.
    const start = ordinal === 0 && this.#blocks > 1 ? capacity - (block.end - block.start) : 0;
    const own = new Block(this.#memory.take(capacity, this.#allocated), start, start, block.count);
    own.end += block.buf.copy(own.buf, start, block.start, block.end);
    this.#allocated += capacity - block.buf.length;
    this.#put(ordinal, own);
    return own;
  }

  /** The same, with the cursor moved to where its element then lies. */
  #writableAt(cursor: ListCursor): Block {
    const from = this.#block(cursor.block).start;
    const block = this.#writable(cursor.block);
    cursor.at += block.start - from;
    return block;
  }

  #growTail(bound: number): Block {
    if (this.#blocks > 1) this.#shrink(this.#blocks - 1);
    const block = new Block(this.#memory.take(bound > LONE_BYTES ? bound : BLOCK_BYTES, this.#allocated), 0, 0, 0);
    this.#addLast(block);
    this.#account(block, 1);
    return block;
  }

  #growHead(size: number): Block {
    if (this.#blocks > 1) this.#shrink(0);
    const capacity = size > LONE_BYTES ? size : BLOCK_BYTES;
    const block = new Block(this.#memory.take(capacity, this.#allocated), capacity, capacity, 0);
    this.#addFirst(block);
    this.#account(block, 1);
    return block;
  }

  /** A block that gets neighbours on both sides grows no more: give back what it leaves empty, if it is much. */
  #shrink(ordinal: number): void {
    const block = this.#block(ordinal);
    const used = block.end - block.start;
    if (block.shared || used * 4 > block.buf.length * 3) return;
    const exact = new Block(Buffer.allocUnsafeSlow(used), 0, used, block.count);
    block.buf.copy(exact.buf, 0, block.start, block.end);
    this.#allocated += used - block.buf.length;
    this.#memory.give(block);
    this.#put(ordinal, exact);
  }

  /** Cuts the cursor's block in two before the cursor, and makes room of `size` at the end of the left part. */
  #split(cursor: ListCursor, size: number): Block {
    const block = this.#block(cursor.block);
    const moved = block.end - cursor.at;
    const right = new Block(Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, moved)), 0, moved, 0);
    block.buf.copy(right.buf, 0, cursor.at, block.end);
    right.count = listpack.countBetween(right.buf, 0, moved);
    this.#addAt(cursor.block + 1, right);
    this.#allocated += right.buf.length + BLOCK_OVERHEAD_BYTES;
    block.end = cursor.at;
    block.count -= right.count;
    cursor.at = 0;
    if (block.count === 0) {
      // The cursor stood on the first entry: its old place serves the new element alone.
      this.#allocated -= block.buf.length;
      block.buf = Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, size));
      this.#allocated += block.buf.length;
      block.start = 0;
      block.end = size;
      cursor.block++;
      return block;
    }
    if (block.end + size > block.buf.length) {
      const lone = new Block(Buffer.allocUnsafeSlow(Math.max(BLOCK_BYTES, size)), 0, size, 0);
      this.#addAt(cursor.block + 1, lone);
      this.#allocated += lone.buf.length + BLOCK_OVERHEAD_BYTES;
      cursor.block += 2;
      return lone;
    }
    block.end += size;
    cursor.block++;
    return block;
  }

  /** Takes entries off the two ends of a block, which keeps at least one. */
  #narrow(ordinal: number, fromStart: number, fromEnd: number): void {
    const block = this.#writable(ordinal);
    const before = block.end - block.start;
    for (let i = 0; i < fromStart; i++) block.start = listpack.next(block.buf, block.start);
    for (let i = 0; i < fromEnd; i++) block.end = listpack.previous(block.buf, block.end);
    block.count -= fromStart + fromEnd;
    this.length -= fromStart + fromEnd;
    this.entryBytes -= before - (block.end - block.start);
  }

  #forget(block: Block, bytes: number): void {
    block.count--;
    this.length--;
    this.entryBytes -= bytes;
  }

  /** Counts a block in (1) or out (-1). */
  #account(block: Block, sign: 1 | -1): void {
    this.length += sign * block.count;
    this.entryBytes += sign * (block.end - block.start);
    this.#allocated += sign * (block.buf.length + BLOCK_OVERHEAD_BYTES);
  }

  #addLast(block: Block): void {
    if (this.#blocks === this.#ring.length) this.#growRing();
    this.#put(this.#blocks++, block);
  }

  #addFirst(block: Block): void {
    if (this.#blocks === this.#ring.length) this.#growRing();
    this.#first = (this.#first - 1) & (this.#ring.length - 1);
    this.#blocks++;
    this.#put(0, block);
  }

  #addAt(ordinal: number, block: Block): void {
    if (this.#blocks === this.#ring.length) this.#growRing();
    for (let i = this.#blocks++; i > ordinal; i--) this.#put(i, this.#block(i - 1));
    this.#put(ordinal, block);
  }

  #dropLast(): void {
    const block = this.#block(--this.#blocks);
    this.#account(block, -1);
    this.#memory.give(block);
    this.#put(this.#blocks, null);
    this.#leaveSlabs();
  }

  #dropFirst(): void {
    const block = this.#block(0);
    this.#account(block, -1);
    this.#memory.give(block);
    this.#put(0, null);
    this.#first = (this.#first + 1) & (this.#ring.length - 1);
    this.#blocks--;
    this.#leaveSlabs();
  }

  /** When little is left, a slab would be mostly empty. What a pop just read stays there until the next change. */
  #leaveSlabs(): void {
    if (this.#allocated >= LEAVE_SLABS_BELOW_BYTES || !this.#memory.leave()) return;
    for (let i = 0; i < this.#blocks; i++) this.#put(i, this.#block(i).copy());
  }

  #dropAt(ordinal: number): void {
    if (ordinal === 0) return this.#dropFirst();
    const block = this.#block(ordinal);
    this.#account(block, -1);
    this.#memory.give(block);
    for (let i = ordinal; i + 1 < this.#blocks; i++) this.#put(i, this.#block(i + 1));
    this.#put(--this.#blocks, null);
    this.#leaveSlabs();
  }

  #growRing(): void {
    const wider = new Array<Block | null>(this.#ring.length * 2).fill(null);
    for (let i = 0; i < this.#blocks; i++) wider[i] = this.#block(i);
    this.#ring = wider;
    this.#first = 0;
  }
}
