/*
 * CONFIG SET of the TLS directives: what is usable counts for the connections that come from then on; what is not is
 * refused with the reason, and has changed nothing, neither alone nor in a list.
 */

import 'reflect-metadata';
import { execFileSync, spawn } from 'node:child_process';
import { createDiffieHellmanGroup, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectPlain, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type SecureVersion, type TLSSocket } from 'node:tls';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CommandFailure, type EmbeddedServer, startServer } from '../../src/index.ts';
import { until } from '../support/embedded.ts';

interface Identity {
  readonly cert: string;
  readonly key: string;
}

let folder: string;
let server: EmbeddedServer;
let port: number;
let first: Identity;
let second: Identity;
let damaged: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rkv-set-tls-'));
  [first, second] = await Promise.all([identity('first'), identity('second')]);
  damaged = join(folder, 'damaged.pem');
  writeFileSync(damaged, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  port = await freePort();
  server = await startServer({
    'tls-port': port,
    'tls-auth-clients': 'no',
    'tls-cert-file': first.cert,
    'tls-key-file': first.key,
    'tls-ca-cert-file': first.cert,
  });
});

afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true });
});

/** RSA, because of the ciphers that exchange keys by Diffie-Hellman alone. */
async function identity(name: string): Promise<Identity> {
  const algorithm = {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
  };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    serialNumber: '01',
    keys,
    signingAlgorithm: algorithm,
  });
  mkdirSync(join(folder, name));
  const files = { cert: join(folder, name, 'cert.pem'), key: join(folder, name, 'key.pem') };
  writeFileSync(files.cert, certificate.toString('pem'));
  writeFileSync(
    files.key,
    PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
  );
  return files;
}

async function freePort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port: free } = other.address() as { port: number };
  await new Promise((resolve) => other.close(resolve));
  return free;
}

/** What a handshake and a PING over it ended in; the reason where there is none. */
async function handshake<T>(options: ConnectionOptions, look: (socket: TLSSocket) => T): Promise<T | string> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
    socket.on('secureConnect', () => socket.write('PING\r\n'));
    socket.on('data', () => {
      resolve(look(socket));
      socket.destroy();
    });
  });
}

const name = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN;
const version = (only: SecureVersion): Promise<string | null> =>
  handshake({ minVersion: only, maxVersion: only, ciphers: 'ALL:@SECLEVEL=0' }, (socket) => socket.getProtocol());
const set = (...pairs: string[]): Promise<unknown> => server.call('CONFIG', 'SET', ...pairs);

async function get(directive: string): Promise<string | undefined> {
  return ((await server.call('CONFIG', 'GET', directive)) as Map<string, string>).get(directive);
}

test('another certificate is shown to all that come from then on', async () => {
  expect(await handshake({}, name)).toBe('first');
  await set('tls-cert-file', second.cert, 'tls-key-file', second.key);
  expect(await handshake({}, name)).toBe('second');
  // The same names may stand for new files.
  writeFileSync(second.cert, readFileSync(first.cert));
  writeFileSync(second.key, readFileSync(first.key));
  await set('tls-cert-file', second.cert, 'tls-key-file', second.key);
  expect(await handshake({}, name)).toBe('first');
});

test('tls-protocols allows the versions that it names, and none between them', async () => {
  await set('tls-protocols', 'TLSv1.2');
  expect([await version('TLSv1.2'), await version('TLSv1.3')]).toEqual(['TLSv1.2', expect.stringMatching(/^ERR_SSL/)]);
  await set('tls-protocols', 'TLSv1.1 TLSv1.3');
  expect([await version('TLSv1.2'), await version('TLSv1.3')]).toEqual([expect.stringMatching(/^ERR_SSL/), 'TLSv1.3']);
  await set('tls-protocols', '');
  expect([await version('TLSv1.2'), await version('TLSv1.3')]).toEqual(['TLSv1.2', 'TLSv1.3']);
});

test('tls-ciphers and tls-ciphersuites choose the ciphers, by our order when tls-prefer-server-ciphers says so', async () => {
  const cipher = (maxVersion: SecureVersion, ciphers?: string): Promise<string> =>
    handshake({ maxVersion, ...(ciphers !== undefined && { ciphers }) }, (socket) => socket.getCipher().name);
  const both = ['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES128-GCM-SHA256'];
  await set('tls-ciphers', both.join(':'), 'tls-ciphersuites', 'TLS_AES_128_GCM_SHA256');
  expect(await cipher('TLSv1.3')).toBe('TLS_AES_128_GCM_SHA256');
  const theirs = both.toReversed().join(':');
  expect(await cipher('TLSv1.2', theirs)).toBe(both[1]);
  await set('tls-prefer-server-ciphers', 'yes');
  expect(await cipher('TLSv1.2', theirs)).toBe(both[0]);
  await set('tls-ciphers', '', 'tls-ciphersuites', '', 'tls-prefer-server-ciphers', 'no');
});

test('tls-auth-clients yes lets nobody in without a certificate', async () => {
  await set('tls-auth-clients', 'yes');
  expect(await handshake({}, name)).toMatch(/^ERR_SSL|closed|ECONNRESET/);
  expect(await handshake({ cert: readFileSync(first.cert), key: readFileSync(first.key) }, name)).toBe('first');
  await set('tls-auth-clients', 'no');
  expect(await handshake({}, name)).toBe('first');
});

test('tls-dh-params-file has the numbers for ciphers that exchange keys by Diffie-Hellman alone', async () => {
  const ciphers = 'DHE-RSA-AES128-GCM-SHA256';
  const bits = (): Promise<unknown> =>
    handshake({ maxVersion: 'TLSv1.2', ciphers }, (socket) => (socket.getEphemeralKeyInfo() as { size: number }).size);
  await set('tls-ciphers', ciphers);
  expect(await bits()).toMatch(/^ERR_SSL/);
  const prime = createDiffieHellmanGroup('modp14').getPrime();
  // SEQUENCE { INTEGER prime, INTEGER 2 }
  const der = Buffer.concat([
    Buffer.from('30820108028201010', 'hex'),
    Buffer.from('00', 'hex'),
    prime,
    Buffer.from('020102', 'hex'),
  ]);
  const file = join(folder, 'dh.pem');
  writeFileSync(file, PemConverter.encode(der, 'DH PARAMETERS'));
  await set('tls-dh-params-file', file);
  expect(await bits()).toBe(2048);
  await set('tls-ciphers', '', 'tls-dh-params-file', '');
});

test('tls-session-caching says whether a session can be resumed', async () => {
  const resumed = async (): Promise<boolean> => {
    const session = await handshake({ maxVersion: 'TLSv1.2' }, (socket) => socket.getSession());
    const again = { maxVersion: 'TLSv1.2', session: session as Buffer } as const;
    return (await handshake(again, (socket) => socket.isSessionReused())) as boolean;
  };
  expect(await resumed()).toBe(true);
  await set('tls-session-caching', 'no');
  expect(await resumed()).toBe(false);
  await set('tls-session-caching', 'yes');
});

test('tls-port opens a port, and 0 closes it', async () => {
  const [before, other] = [port, await freePort()];
  await set('tls-port', `${other}`);
  expect(await handshake({}, name)).toBe('ECONNREFUSED');
  port = other;
  expect(await handshake({}, name)).toBe('first');
  await set('tls-port', '0');
  expect(await handshake({}, name)).toBe('ECONNREFUSED');
  port = before;
  await set('tls-port', `${before}`);
  expect(await handshake({}, name)).toBe('first');
});

test.each<[directive: string, value: () => string, reason: RegExp]>([
  ['tls-cert-file', () => '/no/such', /tls-cert-file \/no\/such: No such file or directory$/],
  ['tls-cert-file', () => '', /No tls-cert-file configured!$/],
  ['tls-cert-file', () => damaged, /the TLS certificate or key cannot be used/],
  ['tls-key-file', () => '/no/such', /tls-key-file \/no\/such: No such file or directory$/],
  ['tls-key-file', () => '', /No tls-key-file configured!$/],
  ['tls-ca-cert-file', () => '/no/such', /tls-ca-cert-file \/no\/such: No such file or directory$/],
  ['tls-ca-cert-file', () => first.key, /holds no PEM certificate$/],
  ['tls-ca-cert-file', () => damaged, /certificate 1 of 1 in it is damaged$/],
  ['tls-ca-cert-dir', () => '/no/such', /tls-ca-cert-dir \/no\/such: No such file or directory$/],
  ['tls-ca-cert-dir', () => join(folder, 'empty'), /no file in it holds a PEM certificate$/],
  ['tls-dh-params-file', () => '/no/such', /tls-dh-params-file \/no\/such: No such file or directory$/],
  ['tls-dh-params-file', () => first.cert, /holds no PEM parameters of Diffie-Hellman$/],
  ['tls-protocols', () => 'TLSv1.2 TLSv9', /Invalid tls-protocols specified/],
  ['tls-ciphers', () => 'nonsense', /name no known cipher$/],
  ['tls-ciphersuites', () => 'nonsense', /name no known cipher$/],
  ['tls-auth-clients', () => 'maybe', /must be one of/],
  ['tls-session-cache-timeout', () => '-1', /must be between/],
  ['tls-port', () => '70000', /must be between/],
])('%s is refused what it cannot use, alone and beside others', async (directive, value, reason) => {
  mkdirSync(join(folder, 'empty'), { recursive: true });
  const before = await get(directive);
  for (const pairs of [
    [directive, value()],
    ['timeout', '77', directive, value()],
    [directive, value(), 'tls-replication', 'yes'],
  ]) {
    const failure = await set(...pairs).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CommandFailure);
    expect((failure as Error).message).toMatch(reason);
    expect((failure as Error).message).toContain(`'${directive}'`);
  }
  expect([await get(directive), await get('timeout'), await get('tls-replication')]).toEqual([before, '0', 'no']);
  expect(await handshake({}, name)).toBe('first');
});

test('a TLS file that is no regular file is refused, not waited for', async () => {
  const pipe = join(folder, 'pipe');
  execFileSync('sh', ['-c', 'mkfifo "$0"', pipe]);
  // Whoever does wait for the pipe finds it empty at last.
  const writer = spawn('sh', ['-c', ': > "$0"', pipe]);
  const failure = await set('tls-dh-params-file', pipe).catch((error: Error) => error.message);
  writer.kill();
  expect(failure).toMatch(/tls-dh-params-file \S+pipe: Not a regular file$/);
});

test('whoever stays in the middle of a handshake counts as a client, until they leave', async () => {
  await set('maxclients', '4', 'tls-auth-clients', 'no', 'tls-protocols', '');
  const ends = Array.from({ length: 5 }, () => connectPlain(port, '127.0.0.1').on('error', () => {}));
  // One of them finds the house full.
  await Promise.race(ends.map((socket) => once(socket.resume(), 'close')));
  expect(await handshake({}, name)).toMatch(/closed|ECONNRESET/);
  for (const socket of ends) socket.destroy();
  await until(async () => (await handshake({}, name)) === 'first');
  // A handshake that fails has ended, too.
  for (let i = 0; i < 6; i++) expect(await version('TLSv1')).toMatch(/^ERR_SSL|ECONNRESET/);
  expect(await handshake({}, name)).toBe('first');
});
