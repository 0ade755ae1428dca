/** One parser for every address a person may write: host:port, [v6]:port, a bare port, redis:// and rediss:// URLs. */
import { CliFailure, EXIT } from '../run/failure.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** '127.0.0.1:7000', '[::1]:7000', ':7000' and '7000' (both on `host`), '127.0.0.1:7000@17000'. */
export function parseAddress(text: string, host = '127.0.0.1'): Address {
  const match = /^(?:\[([^\]]+)\]:|([^\s:[\]]*):)?(\d{1,5})(?:@\d{1,5})?$/.exec(text.trim());
  const port = Number(match?.[3]);
  if (match === null || port < 1 || port > 65_535) {
    throw new CliFailure(`'${text}' is not an address`, {
      code: 'BAD_ADDRESS',
      exit: EXIT.usage,
      why: 'expected host:port, [address]:port for IPv6, or a port: 127.0.0.1:7000, [::1]:7000 or 7000',
    });
  }
  return { host: match[1] ?? (match[2] || host), port };
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** '7000' and 'host:7000' are addresses; the name of a cluster has no colon, and is not a number alone. */
export function isAddress(word: string): boolean {
  return word.includes(':') || /^\d+$/.test(word);
}
