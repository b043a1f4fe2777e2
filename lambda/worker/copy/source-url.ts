import { isIP } from 'node:net';
import { parseFileUrl } from '../../shared/zencoder/file-url.ts';

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
  const { url, target } = parseFileUrl(raw);
  const secure = url.protocol === 'https:';
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return {
    origin: url.origin,
    secure,
    hostname,
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    // A final dot is part of the name that was signed, and no part of a name in TLS.
    serverName: isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : undefined,
    host: url.host,
    target: requestTarget(target),
  };
}

function requestTarget(target: string): string {
  const rooted = target.startsWith('/') ? target : `/${target}`;
  return rooted.toWellFormed().replace(/[^\x21-\x7e]+/g, encodeURIComponent);
}
