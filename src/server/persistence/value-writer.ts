/*
 * How the values of the keyspace are written: which RDB type, and its bytes. Packed values go out as they lie in memory.
 */
import { assert } from '../../base/assert.ts';
import * as encoding from '../data/encoding.ts';
import { ListObject } from '../data/list-object.ts';
import * as listpack from '../data/listpack.ts';
import { SetObject } from '../data/set-object.ts';
import type { Database, Ref } from '../keyspace/database.ts';
import { forEachMember } from '../keyspace/set-value.ts';
import * as format from './rdb-format.ts';
import type { RdbOutput } from './rdb-output.ts';

export function rdbTypeOf(db: Database, ref: Ref): number {
  switch (db.typeOf(ref)) {
    case encoding.TYPE_STRING:
      return format.RDB_STRING;
    case encoding.TYPE_LIST:
      return format.RDB_LIST_QUICKLIST_2;
    default:
      assert(db.typeOf(ref) === encoding.TYPE_SET, `type ${db.typeOf(ref)} has no RDB form`);
      return db.encodingOf(ref) === encoding.ENCODING_INTSET ? format.RDB_SET_INTSET : format.RDB_SET;
  }
}

/** Writes what follows the key in an RDB, and the type in a DUMP payload. */
export function writeValue(out: RdbOutput, db: Database, ref: Ref): void {
  if (!db.isObject(ref)) {
    writePacked(out, db, ref);
    return;
  }
  const object = db.objectOf(ref);
  if (object instanceof ListObject) writeList(out, object);
  else if (object instanceof SetObject) writeSet(out, object);
  else assert(false, `an object of type ${db.typeOf(ref)} has no RDB form`);
}

function writePacked(out: RdbOutput, db: Database, ref: Ref): void {
  const buf = db.valueBuf(ref);
  const off = db.valueOff(ref);
  const len = db.valueLen(ref);
  switch (rdbTypeOf(db, ref)) {
    case format.RDB_LIST_QUICKLIST_2:
      out.length(1);
      out.length(format.QUICKLIST_PACKED);
      out.string(buf, off, len);
      return;
    case format.RDB_SET:
      // 7.0 knows no packed set of strings in files.
      out.length(listpack.count(buf, off, len));
      forEachMember(db, ref, (mbuf, moff, mlen) => out.string(mbuf, moff, mlen));
      return;
    default:
      out.string(buf, off, len);
  }
}

function writeList(out: RdbOutput, list: ListObject): void {
  let pack = Buffer.alloc(0);
  out.length(list.nodes);
  for (let node = 0; node < list.nodes; node++) {
    const bytes = list.nodeBytes(node);
    if (pack.length < bytes) pack = Buffer.allocUnsafe(bytes);
    list.writeNode(node, pack, 0);
    out.length(format.QUICKLIST_PACKED);
    out.string(pack, 0, bytes);
  }
}

function writeSet(out: RdbOutput, set: SetObject): void {
  out.length(set.size);
  set.forEach((buf, off, len) => out.string(buf, off, len));
}
