/*
 * Why there is no connection, in words, and what to do about it: one judgement for all who open one. What only looks like
 * something is tried: a server that closes a plain connection wants TLS if, and only if, it speaks it.
 */
import { connect as connectTls } from 'node:tls';
import type { Address } from './address.ts';

export interface Trouble {
  readonly kind: 'refused' | 'timeout' | 'dns' | 'tls' | 'closed' | 'other';
  readonly why: string;
  readonly suggestions: readonly string[];
}

const TLS_PROBE_MS = 1000;

/** `error` is what the system or the TLS library said; `tls`: whether the connection was to be one. */
export async function explainTrouble(error: Error, { host, port, tls }: Address & { tls: boolean }): Promise<Trouble> {
  const { code } = error as NodeJS.ErrnoException;
  const text = `${error.message} ${code ?? ''}`;
  if (code !== undefined && Object.hasOwn(BY_CODE, code)) return BY_CODE[code] as Trouble;
  if (NOT_RESP.test(error.message)) return FOREIGN;
  const certificate = CERTIFICATES.find(({ pattern }) => pattern.test(text));
  if (certificate !== undefined) return { kind: 'tls', why: certificate.why, suggestions: certificate.suggestions };
  if (/ssl|tls|certificate|EPROTO/i.test(text)) {
    return {
      kind: 'tls',
      why: `TLS failed: ${error.message}`,
      suggestions: ['--tls --cacert FILE     # the certificate of its authority'],
    };
  }
  if (code !== 'ECONNRESET' && code !== 'EPIPE' && !/closed|writeable|timed out/i.test(error.message)) {
    return { kind: 'other', why: error.message, suggestions: [] };
  }
  if (/timed out/i.test(error.message)) return BY_CODE['ETIMEDOUT'] as Trouble;
  if (!tls && (await speaksTls({ host, port }))) {
    return { kind: 'tls', why: 'it takes TLS connections only', suggestions: ['--tls --cacert FILE'] };
  }
  return {
    kind: 'closed',
    why: 'the connection was closed by the server: it may be stopping, or not a Redis server',
    suggestions: ['the same command again'],
  };
}

/** What the client library says of bytes that begin no reply, and what ours says. */
const NOT_RESP = /^(Protocol error|Unknown RESP type)/;

const FOREIGN: Trouble = {
  kind: 'other',
  why: 'what it answers is not the protocol of Redis: the port belongs to another program',
  suggestions: ['rkv cluster list     # shows the clusters of this machine, and their ports'],
};

const REFUSED: Trouble = {
  kind: 'refused',
  why: 'connection refused: no server listens there',
  suggestions: ['rkv cluster list     # shows the clusters of this machine, and their ports'],
};

const BY_CODE: Readonly<Record<string, Trouble>> = {
  ECONNREFUSED: REFUSED,
  ENOENT: { ...REFUSED, why: 'there is no such socket: no server listens there' },
  ETIMEDOUT: {
    kind: 'timeout',
    why: 'no connection in time: the host or a firewall is silent',
    suggestions: ['look at the address and at the firewall', '--timeout 60     # waits longer'],
  },
  EHOSTUNREACH: { kind: 'timeout', why: 'no route to the host', suggestions: ['look at the address and the network'] },
  ENETUNREACH: {
    kind: 'timeout',
    why: 'the network is unreachable',
    suggestions: ['look at the address and the network'],
  },
  ENOTFOUND: {
    kind: 'dns',
    why: 'the host name is not known (DNS)',
    suggestions: ['look at the spelling, or write the IP address'],
  },
  EAI_AGAIN: {
    kind: 'dns',
    why: 'the host name cannot be looked up now (DNS)',
    suggestions: ['look at the spelling and at the name server, or write the IP address'],
  },
};

const CERTIFICATES: readonly { pattern: RegExp; why: string; suggestions: readonly string[] }[] = [
  {
    pattern: /wrong version number|packet length too long|unknown protocol/i,
    why: 'it does not speak TLS',
    suggestions: ['the same command without TLS'],
  },
  {
    pattern: /certificate required|handshake failure/i,
    why: 'TLS failed: it wants a certificate of the client',
    suggestions: ['--cert FILE --key FILE'],
  },
  {
    pattern: /CERT_HAS_EXPIRED|certificate has expired/i,
    why: 'TLS failed: its certificate has expired, or the clock of this machine is wrong',
    suggestions: ['date     # shows the clock'],
  },
  {
    pattern: /CERT_NOT_YET_VALID|not yet valid/i,
    why: 'TLS failed: its certificate is not valid yet, or the clock of this machine is wrong',
    suggestions: ['date     # shows the clock'],
  },
  {
    pattern: /ALTNAME_INVALID/,
    why: 'TLS failed: its certificate is for another name or address',
    suggestions: ['--sni NAME     # the name in the certificate', 'the name in the certificate as the address'],
  },
  {
    pattern: /SELF_SIGNED|self.signed|UNABLE_TO_|unable to (verify|get)/i,
    why: 'TLS failed: its certificate is not signed by an authority that is trusted here',
    suggestions: ['--tls --cacert FILE     # the certificate of its authority'],
  },
];

/** A handshake that gets as far as the server's part of it: what we lack for the rest is another matter. */
function speaksTls({ host, port }: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTls({ host, port, rejectUnauthorized: false, timeout: TLS_PROBE_MS });
    const answer = (speaks: boolean): void => {
      socket.destroy();
      resolve(speaks);
    };
    socket.once('secureConnect', () => answer(true));
    socket.once('timeout', () => answer(false));
    // Later errors of a socket that is destroyed have no hearer otherwise.
    socket.on('error', (error: NodeJS.ErrnoException) => answer(/alert/i.test(error.message)));
  });
}
