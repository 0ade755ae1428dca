/* Whose certificates are accepted, by what the TLS directives say. */

import { once } from 'node:events';
import 'reflect-metadata';
import { createPrivateKey, webcrypto } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { PemConverter, X509CertificateGenerator } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../src/cluster/machine/certificates.ts';
import { certificateFiles } from '../../../src/cluster/machine/layout.ts';
import { loadConfig, realFiles } from '../../../src/config/conf-file.ts';
import { type EmbeddedServer, type ServerOptions, startServer } from '../../../src/index.ts';
import { serverTlsOptions } from '../../../src/server/security/tls-options.ts';
import { RawClient } from '../../support/resp.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'rkv-tls-'));
const own = certificateFiles(path.join(folder, 'own'));
const foreign = certificateFiles(path.join(folder, 'foreign'));
const authorities = path.join(folder, 'authorities');

beforeAll(async () => {
  for (const name of ['own', 'foreign', 'authorities']) mkdirSync(path.join(folder, name));
  await makeCertificates(own, []);
  await makeForeign();
  copyFileSync(own.ca, path.join(authorities, 'the-authority.pem'));
  copyFileSync(own.key, path.join(authorities, 'no-certificate.key'));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A certificate that vouches for itself, under a name that the authority of the server has not. */
async function makeForeign(): Promise<void> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=a stranger',
    serialNumber: '01',
    keys,
    signingAlgorithm: algorithm,
  });
  mkdirSync(foreign.folder);
  writeFileSync(foreign.cert, certificate.toString('pem'));
  writeFileSync(
    foreign.key,
    PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY'),
  );
}

async function startTls(options: ServerOptions): Promise<EmbeddedServer & { tlsPort: number }> {
  const tlsPort = await freePort();
  const certificate = { 'tls-cert-file': own.cert, 'tls-key-file': own.key };
  return Object.assign(await startServer({ port: 0, 'tls-port': tlsPort, ...certificate, ...options }), { tlsPort });
}

/** `tls-port 0` opens none, so the system cannot be asked to choose while the server listens. */
async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What PING is answered with by a client that shows this certificate, or none; '' when the connection ends instead. */
function ping(port: number, shown: typeof own | null): Promise<string> {
  const identity = shown === null ? {} : { cert: readFileSync(shown.cert), key: readFileSync(shown.key) };
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(own.ca), ...identity });
    let answer = '';
    socket.on('error', () => {});
    socket.on('secureConnect', () => socket.write('PING\r\n'));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      socket.destroy();
    });
    socket.on('close', () => resolve(answer));
  });
}

const POLICIES = [
  { policy: 'no', none: '+PONG\r\n', stranger: '+PONG\r\n' },
  { policy: 'optional', none: '+PONG\r\n', stranger: '' },
  { policy: 'yes', none: '', stranger: '' },
] as const;

describe.each(POLICIES)('with tls-auth-clients $policy', ({ policy, none, stranger }) => {
  test('a trusted certificate is let in, and the others as Redis does it', async () => {
    await using server = await startTls({ 'tls-auth-clients': policy, 'tls-ca-cert-file': own.ca });
    const port = server.tlsPort;
    expect(await ping(port, own)).toBe('+PONG\r\n');
    expect(await ping(port, null)).toBe(none);
    expect(await ping(port, foreign)).toBe(stranger);
  });
});

test('tls-ca-cert-dir alone names whom to trust', async () => {
  await using server = await startTls({ 'tls-ca-cert-dir': authorities });
  expect(await ping(server.tlsPort, own)).toBe('+PONG\r\n');
  expect(await ping(server.tlsPort, foreign)).toBe('');
  expect(await ping(server.tlsPort, null)).toBe('');
});

test('a folder without certificates is named, and so is the lack of any authority where some are needed', async () => {
  const empty = path.join(folder, 'own-keys');
  mkdirSync(empty);
  await expect(startTls({ 'tls-ca-cert-dir': empty })).rejects.toThrow(
    `tls-ca-cert-dir ${empty}: no file in it holds a PEM certificate`,
  );
  await expect(startTls({})).rejects.toThrow('Either tls-ca-cert-file or tls-ca-cert-dir must be');
  // Without the check every public authority could vouch for a node of the cluster.
  const bus = { 'cluster-enabled': true, 'tls-cluster': true, 'tls-auth-clients': 'no' } as const;
  await expect(startTls({ 'cluster-port': await freePort(), ...bus })).rejects.toThrow(
    'Either tls-ca-cert-file or tls-ca-cert-dir must be',
  );
});

test('a key is opened by a password of any bytes, and files have names of any letters', async () => {
  const names = { cert: path.join(folder, 'é☃.crt'), key: path.join(folder, 'é☃.key') };
  copyFileSync(own.cert, names.cert);
  const unlocked = createPrivateKey(readFileSync(own.key));
  const files = { 'tls-ca-cert-file': own.ca, 'tls-cert-file': names.cert, 'tls-key-file': names.key };
  for (const [password, bytes] of [
    ['é☃', Buffer.from('é☃')],
    [String.raw`"\xff\xe9"`, Buffer.from([0xff, 0xe9])],
  ] as const) {
    const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: bytes } as const;
    writeFileSync(names.key, unlocked.export(locked));
    const config = Object.entries(files).map(([name, file]) => `${name} "${file}"`);
    const text = [...config, `tls-key-file-pass ${password}`].join('\n');
    const loaded = loadConfig({ ...realFiles, argv: ['-'], readStdin: () => Buffer.from(text).toString('latin1') });
    expect(String(serverTlsOptions(loaded.config).key)).toBe(String(unlocked.export({ type: 'pkcs8', format: 'pem' })));
  }
  await expect(startTls({ ...files, 'tls-key-file-pass': 'wrong' })).rejects.toThrow(
    'certificate or key cannot be used',
  );
});

describe('a node with both ports', () => {
  const both = { 'cluster-enabled': true, 'tls-cluster': true, 'tls-ca-cert-file': own.ca } as const;

  test('tells in CLUSTER NODES the port that the client can use, and keeps the announced one in nodes.conf', async () => {
    const [port, busPort] = [await freePort(), await freePort()];
    await using server = await startTls({ ...both, port, 'cluster-port': busPort });
    await server.call('CLUSTER', 'SAVECONFIG');
    const client = await RawClient.connect(port);
    expect(await client.call('CLUSTER', 'NODES')).toContain(` :${port}@${busPort} myself`);
    client.close();
    const dir = ((await server.call('CONFIG', 'GET', 'dir')) as Map<string, string>).get('dir') as string;
    expect(readFileSync(path.join(dir, 'nodes.conf'), 'latin1')).toMatch(
      new RegExp(` :${server.tlsPort}@${busPort},,tcp-port=${port},shard-id=[0-9a-f]{40} myself`),
    );
  });

  test('logs, on both sides, that a connection of the bus failed for a certificate', async () => {
    const logs: [string[], string[]] = [[], []];
    const start = async (files: typeof own, log: string[]): Promise<EmbeddedServer & { tlsPort: number }> =>
      startTls({
        ...both,
        'tls-cert-file': files.cert,
        'tls-key-file': files.key,
        'tls-ca-cert-file': files === own ? own.ca : foreign.cert,
        'cluster-port': await freePort(),
        log: (line) => log.push(line),
      });
    await using one = await start(own, logs[0]);
    await using other = await start(foreign, logs[1]);
    const busPort = String(await other.call('CLUSTER', 'NODES')).match(/@(\d+)/)?.[1] as string;
    await one.call('CLUSTER', 'MEET', '127.0.0.1', other.tlsPort, busPort);
    await expect
      .poll(() => logs[0].join(''), { timeout: 10_000 })
      .toMatch(new RegExp(`Connecting to the cluster bus at 127\\.0\\.0\\.1:${busPort} failed: TLS: `));
    await expect
      .poll(() => logs[1].join(''), { timeout: 10_000 })
      .toMatch(/Accepting a connection to the cluster bus from .+ failed: TLS: /);
  });
});
