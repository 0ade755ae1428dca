import { describe, expect, test } from 'vitest';
import { Handshake, type HandshakeAction, type HandshakeOptions } from '../../../src/server/replication/handshake.ts';

/*
 * Transcripts: what the primary says (<), what the replica does about it (>). Lines of log are left out.
 */

const ID = 'a'.repeat(40);
const OTHER = 'b'.repeat(40);
const ALONE: HandshakeOptions = { password: '', user: '', port: 7777, announceIp: '', history: null };
const INTRODUCTION = '> REPLCONF listening-port 7777 REPLCONF capa eof capa psync2';
const GREETING = ['> PING', '< +PONG', INTRODUCTION, '< +OK', '< +OK'];

describe('a replica introduces itself', () => {
  test('and gets a data set of known length', () => {
    play(ALONE, [
      ...GREETING,
      '> PSYNC ? -1',
      `< +FULLRESYNC ${ID} 1234`,
      `> full sync ${ID} 1234`,
      '< ',
      '< ',
      '< $185',
      '> rdb of 185 bytes',
    ]);
  });

  test('and gets a data set that ends with a mark', () => {
    const mark = 'c'.repeat(40);
    play(ALONE, [
      ...GREETING,
      '> PSYNC ? -1',
      `< +FULLRESYNC ${ID} 0`,
      `> full sync ${ID} 0`,
      `< $EOF:${mark}`,
      `> rdb up to ${mark}`,
    ]);
  });

  test('and goes on with what it has', () => {
    const history = { id: ID, offset: 87 };
    play({ ...ALONE, history }, [...GREETING, `> PSYNC ${ID} 88`, '< +CONTINUE', '> continue']);
    play({ ...ALONE, history }, [...GREETING, `> PSYNC ${ID} 88`, `< +CONTINUE ${OTHER}`, `> continue as ${OTHER}`]);
  });

  test('with a password, a user and an address, where they are configured', () => {
    play({ ...ALONE, password: 'secret' }, [
      '> PING',
      '< -NOAUTH Authentication required.',
      '> AUTH secret REPLCONF listening-port 7777 REPLCONF capa eof capa psync2',
      '< +OK',
      '< +OK',
      '< +OK',
      '> PSYNC ? -1',
    ]);
    play({ ...ALONE, password: 'secret', user: 'replica', announceIp: '10.0.0.9' }, [
      '> PING',
      '< +PONG',
      '> AUTH replica secret REPLCONF listening-port 7777 REPLCONF ip-address 10.0.0.9 REPLCONF capa eof capa psync2',
      '< -WRONGPASS invalid username-password pair or user is disabled.',
      '> give up: Unable to AUTH to MASTER: -WRONGPASS invalid username-password pair or user is disabled.',
    ]);
  });

  test('to a primary that does not know all that it says', () => {
    play(ALONE, ['> PING', '< +PONG', INTRODUCTION, '< -ERR unknown', '< -ERR unknown', '> PSYNC ? -1']);
  });

  test('to a primary that knows SYNC only', () => {
    play(ALONE, [
      ...GREETING,
      '> PSYNC ? -1',
      "< -ERR unknown command 'PSYNC'",
      '> SYNC',
      '> full sync of an unknown point',
      '< $0',
      '> rdb of 0 bytes',
    ]);
  });
});

describe('a replica gives up for now', () => {
  test('when its primary is not ready', () => {
    play(ALONE, [
      '> PING',
      '< -LOADING Redis is loading the dataset in memory',
      "> give up: Error reply to PING from master: '-LOADING Redis is loading the dataset in memory'",
    ]);
    const refusal = "-NOMASTERLINK Can't SYNC while not connected with my master";
    const why = `Master is currently unable to PSYNC but should be in the future: ${refusal}`;
    play(ALONE, [...GREETING, '> PSYNC ? -1', `< ${refusal}`, `> give up: ${why}`]);
  });

  test('when the snapshot failed', () => {
    play(ALONE, [
      ...GREETING,
      '> PSYNC ? -1',
      `< +FULLRESYNC ${ID} 0`,
      `> full sync ${ID} 0`,
      "< -ERR BGSAVE failed, replication can't continue",
      "> give up: MASTER aborted replication with an error: -ERR BGSAVE failed, replication can't continue",
    ]);
  });

  test('when the other end is no primary', () => {
    const handshake = new Handshake(ALONE);
    handshake.begin();
    expect(told(handshake.feed(Buffer.from('HTTP/1.1 400 Bad Request\r\n')))).toEqual([
      "> give up: Error reply to PING from master: 'HTTP/1.1 400 Bad Request'",
    ]);
    const endless = new Handshake(ALONE);
    endless.begin();
    expect(told(endless.feed(Buffer.alloc(70_000, 'x')))).toEqual(['> give up: The primary sent an endless line']);
  });
});

test('what comes behind the handshake is left for others', () => {
  for (const size of [1, 2, 7, 1000]) {
    const handshake = new Handshake(ALONE);
    const actions = handshake.begin();
    const said = Buffer.from(`+PONG\r\n+OK\r\n+OK\r\n+FULLRESYNC ${ID} 5\r\n$3\r\nabcrest`);
    let rest = Buffer.alloc(0);
    for (let at = 0; at < said.length; at += size) {
      const chunk = said.subarray(at, at + size);
      if (handshake.done) {
        rest = Buffer.concat([rest, chunk]);
        continue;
      }
      actions.push(...handshake.feed(chunk));
      if (handshake.done) rest = Buffer.concat([rest, handshake.rest()]);
    }
    expect(rest.toString()).toBe('abcrest');
    expect(told(actions)).toEqual(['> PING', INTRODUCTION, '> PSYNC ? -1', `> full sync ${ID} 5`, '> rdb of 3 bytes']);
  }
});

function play(options: HandshakeOptions, transcript: readonly string[]): void {
  const handshake = new Handshake(options);
  const happened = told(handshake.begin());
  for (const line of transcript.filter((text) => text.startsWith('<'))) {
    happened.push(line);
    happened.push(...told(handshake.feed(Buffer.from(`${line.slice(2)}\r\n`))));
  }
  expect(happened).toEqual(transcript);
}

function told(actions: readonly HandshakeAction[]): string[] {
  return actions.flatMap((action) => {
    switch (action.type) {
      case 'log':
        return [];
      case 'send':
        return [`> ${wordsOf(action.bytes)}`];
      case 'continue':
        return [action.id === null ? '> continue' : `> continue as ${action.id}`];
      case 'fullSync':
        return [
          `> full sync ${action.point === null ? 'of an unknown point' : `${action.point.id} ${action.point.offset}`}`,
        ];
      case 'rdb':
        return ['length' in action.form ? `> rdb of ${action.form.length} bytes` : `> rdb up to ${action.form.mark}`];
      default:
        return [`> give up: ${action.why}`];
    }
  });
}

/** The words of commands, without what frames them. */
function wordsOf(bytes: Buffer): string {
  return bytes
    .toString()
    .split('\r\n')
    .filter((line) => line !== '' && !/^[*$]\d+$/.test(line))
    .join(' ');
}
