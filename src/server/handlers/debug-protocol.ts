/* DEBUG PROTOCOL: one reply of each type of the protocol, for those who write clients. */

import type { Call } from '../command/call.ts';
import { ReplyError } from '../command/errors.ts';
import type { RespWriter } from '../protocol/resp-writer.ts';

const REPLIES: Readonly<Record<string, (reply: RespWriter) => void>> = {
  string: (reply) => reply.bulkText('Hello World'),
  integer: (reply) => reply.integer(12345),
  double: (reply) => reply.double(3141 / 1000),
  bignum: (reply) => reply.bigNumber(1_234_567_999_999_999_999_999_999_999_999_999_999n),
  null: (reply) => reply.null(),
  array(reply) {
    reply.array(3);
    for (let i = 0; i < 3; i++) reply.integer(i);
  },
  set(reply) {
    reply.set(3);
    for (let i = 0; i < 3; i++) reply.integer(i);
  },
  map(reply) {
    reply.map(3);
    for (let i = 0; i < 3; i++) {
      reply.integer(i);
      reply.boolean(i === 1);
    }
  },
  attrib,
  push,
  verbatim: (reply) => reply.verbatim('This is a verbatim\nstring'),
  true: (reply) => reply.boolean(true),
  false: (reply) => reply.boolean(false),
};

const NO_SUCH_TYPE = new ReplyError(
  `ERR Wrong protocol type name. Please use one of the following: ${Object.keys(REPLIES).join('|')}`,
);
const NOT_IN_RESP2 = new ReplyError('ERR RESP2 is not supported by this command');

export function protocol(call: Call): void {
  const name = call.text(2).toLowerCase();
  if (!Object.hasOwn(REPLIES, name)) throw NO_SUCH_TYPE;
  REPLIES[name]!(call.reply);
}

/** An attribute is no reply: the one that it is about follows. */
function attrib(reply: RespWriter): void {
  if (reply.resp === 3) {
    reply.attribute(1);
    reply.bulkText('key-popularity');
    reply.array(2);
    reply.bulkText('key:123');
    reply.integer(90);
  }
  reply.bulkText('Some real reply following the attribute');
}

/** Nor is a push: clients that wait for a reply get one as well. */
function push(reply: RespWriter): void {
  if (reply.resp === 2) throw NOT_IN_RESP2;
  reply.push(2);
  reply.bulkText('server-cpu-usage');
  reply.integer(42);
  reply.bulkText('Some real reply following the push reply');
}
