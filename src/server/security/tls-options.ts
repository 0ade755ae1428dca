/*
 * TLS directives as Node's options, for the side that listens and the side that connects. Files are read here, so a
 * missing or wrong one is named with its directive.
 */

// As a whole, because it is large: nothing of it is loaded before something is taken from it (scripts/build.mjs).
import crypto from 'node:crypto';
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import {
  type ConnectionOptions,
  createSecureContext,
  type SecureContextOptions,
  type SecureVersion,
  type TlsOptions,
} from 'node:tls';
import { bytesOf, pathOf, toByteText } from '../../base/byte-text.ts';
import { readRegularFile } from '../../base/regular-file.ts';
import { systemReason } from '../../base/system-reason.ts';
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
    ...sessions(config),
    ...exchange(config),
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
  | 'tls-ca-cert-file'
  | 'tls-dh-params-file';

function identity(config: Config, cert: FileDirective, key: FileDirective, passphrase: string): SecureContextOptions {
  const options = { cert: read(config, cert), key: read(config, key) };
  return passphrase === '' ? options : { ...options, key: unlocked(options.key, bytesOf(passphrase)) };
}

/** Node's TLS takes a password as a string alone, and means UTF-8. */
function unlocked(key: Buffer, passphrase: Buffer): string | Buffer {
  try {
    return crypto.createPrivateKey({ key, passphrase }).export({ type: 'pkcs8', format: 'pem' });
  } catch (error) {
    throw unusable(error);
  }
}

function common(config: Config, { asksForCertificates }: { asksForCertificates: boolean }): SecureContextOptions {
  const options: SecureContextOptions = versions(config['tls-protocols']);
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
  const file = config['tls-ca-cert-file'];
  if (file !== '') ca.push(...authoritiesIn(read(config, 'tls-ca-cert-file'), `tls-ca-cert-file ${file}`));
  if (config['tls-ca-cert-dir'] !== '') ca.push(...readFolder(config['tls-ca-cert-dir']));
  return ca;
}

/** OpenSSL finds a certificate here by the hash in its name; reading all of them finds the same ones. */
function readFolder(folder: string): Buffer[] {
  const what = `tls-ca-cert-dir ${folder}`;
  try {
    const files = readdirSync(pathOf(folder), 'latin1').map((name) => pathOf(path.join(folder, name)));
    const certificates = files
      .filter((file) => statSync(file).isFile())
      .map(readRegularFile)
      .filter((bytes) => bytes.includes('-----BEGIN CERTIFICATE-----'));
    if (certificates.length === 0) throw new TlsFailure(`${what}: no file in it holds a PEM certificate`);
    return authoritiesIn(Buffer.concat(certificates), what);
  } catch (error) {
    throw error instanceof TlsFailure ? error : new TlsFailure(`${what}: ${systemReason(error)}`);
  }
}

const PEM_CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\s\S]*?-----END \1-----/g;

/** Node passes over what it cannot read, and would trust fewer than the file says. */
function authoritiesIn(bytes: Buffer, what: string): Buffer[] {
  const found = bytes.latin1Slice().match(PEM_CERTIFICATE) ?? [];
  if (found.length === 0) throw new TlsFailure(`${what}: holds no PEM certificate`);
  return found.map((text, at) => {
    const certificate = Buffer.from(`${text}\n`, 'latin1');
    try {
      new crypto.X509Certificate(certificate);
    } catch {
      throw new TlsFailure(`${what}: certificate ${at + 1} of ${found.length} in it is damaged`);
    }
    return certificate;
  });
}

const VERSIONS = [
  { version: 'TLSv1', without: 'SSL_OP_NO_TLSv1' },
  { version: 'TLSv1.1', without: 'SSL_OP_NO_TLSv1_1' },
  { version: 'TLSv1.2', without: 'SSL_OP_NO_TLSv1_2' },
  { version: 'TLSv1.3', without: 'SSL_OP_NO_TLSv1_3' },
] as const satisfies readonly { version: SecureVersion; without: keyof typeof crypto.constants }[];

function versions(text: string): SecureContextOptions {
  if (text === '') return {};
  const words = text.toLowerCase().split(/\s+/);
  const known = (word: string): boolean => VERSIONS.some(({ version }) => version.toLowerCase() === word);
  if (!words.every(known))
    throw new TlsFailure('Invalid tls-protocols specified. Use a combination of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3.');
  const chosen = VERSIONS.filter(({ version }) => words.includes(version.toLowerCase()));
  const others = VERSIONS.filter((each) => !chosen.includes(each));
  return {
    minVersion: chosen[0]!.version,
    maxVersion: chosen.at(-1)!.version,
    // Between the two there may be one that is not wanted.
    secureOptions: others.reduce((sum, { without }) => sum | crypto.constants[without], 0),
  };
}

/** Sessions are tickets, which clients keep. */
function sessions(config: Config): TlsOptions {
  if (config['tls-session-caching']) return { sessionTimeout: config['tls-session-cache-timeout'] };
  const { secureOptions = 0 } = versions(config['tls-protocols']);
  return { secureOptions: secureOptions | crypto.constants.SSL_OP_NO_TICKET };
}

/** Node says nothing of parameters that it cannot read, and does without. */
function exchange(config: Config): TlsOptions {
  const file = config['tls-dh-params-file'];
  if (file === '') return {};
  const dhparam = read(config, 'tls-dh-params-file');
  const body = /-----BEGIN DH PARAMETERS-----([\s\S]+?)-----END DH PARAMETERS-----/.exec(dhparam.latin1Slice());
  // A sequence of integers, the first of which is the prime.
  const der = Buffer.from(body?.[1] ?? '', 'base64');
  if (der[0] !== 0x30) throw new TlsFailure(`tls-dh-params-file ${file}: holds no PEM parameters of Diffie-Hellman`);
  return { dhparam };
}

function read(config: Config, directive: FileDirective): Buffer {
  if (config[directive] === '') throw new TlsFailure(`No ${directive} configured!`);
  try {
    return readRegularFile(pathOf(config[directive]));
  } catch (error) {
    throw new TlsFailure(`${directive} ${config[directive]}: ${systemReason(error)}`);
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
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_SSL_NO_CIPHER_MATCH') return new TlsFailure('tls-ciphers or tls-ciphersuites name no known cipher');
  return new TlsFailure(`the TLS certificate or key cannot be used: ${toByteText(message)}`);
}
