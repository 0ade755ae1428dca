/*
 * A certificate authority of the cluster's own, and one certificate that all its nodes and its tools show. Private keys
 * are readable by their owner alone.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CertificateFiles } from './layout.ts';

const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { ...KEY, hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const VALID_DAYS = 3650;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/** `hosts` beside the loopback, which is always named. */
export async function makeCertificates(files: CertificateFiles, hosts: readonly string[]): Promise<void> {
  const keys = (): Promise<webcrypto.CryptoKeyPair> =>
    webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
  const [caKeys, nodeKeys] = await Promise.all([keys(), keys()]);
  // A clock that is a little behind must not reject what was made just now.
  const notBefore = new Date(Date.now() - DAY_MS);
  const notAfter = new Date(Date.now() + VALID_DAYS * DAY_MS);
  const ca = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=rkv cluster authority',
    serialNumber: serial(),
    notBefore,
    notAfter,
    keys: caKeys,
    signingAlgorithm: SIGNING,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  });
  const node = await X509CertificateGenerator.create({
    subject: 'CN=rkv cluster node',
    issuer: ca.subject,
    serialNumber: serial(),
    notBefore,
    notAfter,
    publicKey: nodeKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: SIGNING,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      // Nodes are servers and, on the bus and towards their primary, clients.
      new ExtendedKeyUsageExtension([SERVER_AUTH, CLIENT_AUTH]),
      new SubjectAlternativeNameExtension(alternativeNames(hosts)),
    ],
  });
  mkdirSync(files.folder, { recursive: true, mode: 0o700 });
  writeFileSync(files.ca, ca.toString('pem'), { mode: 0o600 });
  writeFileSync(files.cert, node.toString('pem'), { mode: 0o600 });
  writeFileSync(files.caKey, await pemOf(caKeys.privateKey), { mode: 0o600 });
  writeFileSync(files.key, await pemOf(nodeKeys.privateKey), { mode: 0o600 });
}

function alternativeNames(hosts: readonly string[]): { type: 'ip' | 'dns'; value: string }[] {
  const names = new Set(['127.0.0.1', '::1', 'localhost', ...hosts]);
  return [...names].map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }));
}

/** 16 random bytes; the first bit is clear, because serial numbers are positive. */
function serial(): string {
  const bytes = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
  bytes[0] = (bytes[0]! & 0x7f) | 0x01;
  return bytes.toString('hex');
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
