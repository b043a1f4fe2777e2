import { isIP } from 'node:net';
import { SourceUrlUnusable } from './source-errors.ts';

/** Where a source's requests go, and what is written into them. */
export interface SourceAddress {
  /** Scheme, host and port: what connections are shared by. */
  readonly origin: string;
  readonly secure: boolean;
  /** Name or address to connect to, without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Name that the certificate must bear; undefined when the host is an IP address. */
  readonly serverName: string | undefined;
  /** Value of the `Host` header. */
  readonly host: string;
  /** Path and query exactly as in the URL: re-encoding would break a signature. */
  readonly target: string;
}

/**
 * Takes a URL apart without touching its path and query. Only characters that cannot stand in a request line at all
 * (spaces, non-ASCII) are percent-encoded.
 *
 * @throws {SourceUrlUnusable} for anything but http and https, for user info, dot segments and control characters.
 */
export function parseSourceUrl(raw: string): SourceAddress {
  const url = URL.parse(raw);
  const target = /^https?:\/\/[^/?#\\]+([^#]*)/i.exec(raw)?.[1];
  if (url === null || target === undefined) throw new SourceUrlUnusable('not an http or https URL');
  if (url.username !== '' || url.password !== '') throw new SourceUrlUnusable('the URL holds user info');
  if (hasControlCharacter(raw)) throw new SourceUrlUnusable('the URL holds control characters');
  if (climbs(target)) throw new SourceUrlUnusable('the path of the URL has dot segments or backslashes');
  const secure = url.protocol === 'https:';
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    origin: url.origin,
    secure,
    hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    serverName: isIP(hostname) === 0 ? hostname : undefined,
    host: url.host,
    target: requestTarget(target),
  };
}

/** What a parser folds away and a server may not: the path that was checked would not be the path that is asked for. */
function climbs(target: string): boolean {
  const [path = ''] = target.split('?');
  return path.includes('\\') || path.split('/').some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment));
}

function requestTarget(target: string): string {
  const rooted = target.startsWith('/') ? target : `/${target}`;
  return rooted.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}

function hasControlCharacter(text: string): boolean {
  return Array.from(text).some((character) => character < ' ' || character === '\u007f');
}
