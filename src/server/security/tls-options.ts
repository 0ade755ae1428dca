/*
 * TLS directives as Node's options, for the side that listens and the side that connects. Files are read here, so a
 * missing or wrong one is named with its directive.
 */

import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContextOptions,
  type SecureVersion,
  type TlsOptions,
} from 'node:tls';
import { bytesOf, pathOf, toByteText } from '../../base/byte-text.ts';
import type { Config } from '../../config/directives.ts';

/** A TLS directive names a file that cannot be used. */
export class TlsFailure extends Error {
  override name = 'TlsFailure';
}

/** For accepting clients, replicas and, with tls-cluster, other nodes. */
export function serverTlsOptions(config: Config): TlsOptions {
  const options: TlsOptions = {
    ...identity(config, 'tls-cert-file', 'tls-key-file', config['tls-key-file-pass']),
    ...common(config, { asksForCertificates: config['tls-auth-clients'] !== 'no' }),
    requestCert: config['tls-auth-clients'] !== 'no',
    rejectUnauthorized: config['tls-auth-clients'] === 'yes',
    honorCipherOrder: config['tls-prefer-server-ciphers'],
  };
  check(options);
  return options;
}

/** On the bus both ends show a certificate, whatever clients have to do. */
export function busTlsOptions(config: Config): TlsOptions {
  return { ...serverTlsOptions(config), ...authorities(config), requestCert: true, rejectUnauthorized: true };
}

/** For connecting to a primary or another node. Names are not checked, as in Redis: nodes are found by address. */
export function clientTlsOptions(config: Config): ConnectionOptions {
  const own = config['tls-client-cert-file'] !== '';
  const options = {
    ...(own
      ? identity(config, 'tls-client-cert-file', 'tls-client-key-file', config['tls-client-key-file-pass'])
      : identity(config, 'tls-cert-file', 'tls-key-file', config['tls-key-file-pass'])),
    ...common(config, { asksForCertificates: true }),
    rejectUnauthorized: true,
    checkServerIdentity: () => undefined,
  };
  check(options);
  return options;
}

type FileDirective =
  | 'tls-cert-file'
  | 'tls-key-file'
  | 'tls-client-cert-file'
  | 'tls-client-key-file'
  | 'tls-ca-cert-file';

function identity(config: Config, cert: FileDirective, key: FileDirective, passphrase: string): SecureContextOptions {
  if (config[cert] === '') throw new TlsFailure('No tls-cert-file configured!');
  const options = { cert: read(config, cert), key: read(config, key) };
  return passphrase === '' ? options : { ...options, key: unlocked(options.key, bytesOf(passphrase)) };
}

/** Node's TLS takes a password as a string alone, and means UTF-8. */
function unlocked(key: Buffer, passphrase: Buffer): string | Buffer {
  try {
    return createPrivateKey({ key, passphrase }).export({ type: 'pkcs8', format: 'pem' });
  } catch (error) {
    throw unusable(error);
  }
}

function common(config: Config, { asksForCertificates }: { asksForCertificates: boolean }): SecureContextOptions {
  const options: SecureContextOptions = { ...versions(config['tls-protocols']) };
  if (asksForCertificates) Object.assign(options, authorities(config));
  else options.ca = namedAuthorities(config);
  const ciphers = [config['tls-ciphersuites'], config['tls-ciphers']].filter((text) => text !== '');
  if (ciphers.length > 0) options.ciphers = ciphers.join(':');
  return options;
}

/** Whose certificates are trusted: named by the configuration. Without a name Node would trust every public authority. */
function authorities(config: Config): { ca: Buffer[] } {
  const ca = namedAuthorities(config);
  if (ca.length > 0) return { ca };
  throw new TlsFailure(
    'Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!',
  );
}

function namedAuthorities(config: Config): Buffer[] {
  const ca: Buffer[] = [];
  if (config['tls-ca-cert-file'] !== '') ca.push(read(config, 'tls-ca-cert-file'));
  if (config['tls-ca-cert-dir'] !== '') ca.push(...readFolder(config['tls-ca-cert-dir']));
  return ca;
}

/** OpenSSL finds a certificate here by the hash in its name; reading all of them finds the same ones. */
function readFolder(folder: string): Buffer[] {
  try {
    const files = readdirSync(pathOf(folder), 'latin1').map((name) => pathOf(path.join(folder, name)));
    const certificates = files
      .filter((file) => !statSync(file).isDirectory())
      .map((file) => readFileSync(file))
      .filter((bytes) => bytes.includes('-----BEGIN CERTIFICATE-----'));
    if (certificates.length === 0) throw new Error('no file in it holds a PEM certificate');
    return certificates;
  } catch (error) {
    throw new TlsFailure(`tls-ca-cert-dir ${folder}: ${toByteText((error as Error).message)}`);
  }
}

function versions(text: string): { minVersion?: SecureVersion; maxVersion?: SecureVersion } {
  if (text === '') return {};
  const known: readonly SecureVersion[] = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'];
  const chosen = known.filter((version) => text.toLowerCase().split(/\s+/).includes(version.toLowerCase()));
  if (chosen.length === 0)
    throw new TlsFailure('Invalid tls-protocols specified. Use a combination of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3.');
  return { minVersion: chosen[0]!, maxVersion: chosen.at(-1)! };
}

function read(config: Config, directive: FileDirective): Buffer {
  try {
    return readFileSync(pathOf(config[directive]));
  } catch (error) {
    throw new TlsFailure(`${directive} ${config[directive]}: ${toByteText((error as Error).message)}`);
  }
}

/** Node complains about a wrong file at the first handshake; better now. */
function check(options: SecureContextOptions): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw unusable(error);
  }
}

function unusable(error: unknown): TlsFailure {
  return new TlsFailure(`the TLS certificate or key cannot be used: ${(error as Error).message}`);
}
