/** Zencoder's own storage: the current bucket and the one that old accounts still see. */
export const DEFAULT_ZENCODER_STORAGE = 'zencoder-temp-storage-us-east-1,zencoder-live';

/** Says of a URL whether it names an object on storage that files may be fetched from. */
export interface StorageAllowList {
  /** True only for an object on a listed bucket, on a port, scheme and host that nobody else can own. */
  allows(url: URL): boolean;
}

/** An allow-list entry that is neither a bucket name nor an origin; the message names the entry. */
export class InvalidStorageEntry extends Error {
  override readonly name = 'InvalidStorageEntry';
}

type Rule = (url: URL) => boolean;

// Only whole, well-formed region names: anything looser would let a bucket such as `zencoder-live.s3` pass for a host.
const REGION = '[a-z]{2}(?:-[a-z]+){1,2}-[0-9]{1,2}';
const S3_HOST = new RegExp(`^s3(?:[.-]${REGION}|\\.dualstack\\.${REGION})?\\.amazonaws\\.com$`);
const BUCKET = /^[a-z0-9](?:[a-z0-9]|[.-](?=[a-z0-9])|-(?=-)){1,61}[a-z0-9]$/;

/**
 * Reads a comma separated allow-list. An entry is either an exact bucket name, which stands for that bucket on AWS
 * over https in every form of address (virtual-hosted, path style, regional, dual-stack), or a full origin with an
 * optional bucket path, such as `http://127.0.0.1:4567/zencoder-live`, for other S3-compatible storage.
 *
 * There are no wildcards or prefixes: a stranger can register any bucket name that is still free.
 *
 * @throws {InvalidStorageEntry} for an empty list or an entry that is neither.
 */
export function parseStorageAllowList(text: string): StorageAllowList {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  if (entries.length === 0) throw new InvalidStorageEntry('the list of Zencoder storage is empty');
  const rules = entries.map(parseEntry);
  return { allows: (url) => namesAnObject(url) && rules.some((rule) => rule(url)) };
}

function parseEntry(entry: string): Rule {
  return entry.includes('://') ? originRule(entry) : bucketRule(entry);
}

function bucketRule(bucket: string): Rule {
  const looksLikeHost = bucket.endsWith('.amazonaws.com') || /^[0-9.]+$/.test(bucket);
  if (!BUCKET.test(bucket) || looksLikeHost) {
    throw new InvalidStorageEntry(
      `${JSON.stringify(bucket)} is neither a bucket name nor an origin such as https://host/bucket`,
    );
  }
  const virtualHost = `${bucket}.`;
  const path = `/${bucket}/`;
  return (url) => {
    if (url.protocol !== 'https:' || url.port !== '') return false;
    const host = url.hostname;
    if (host.startsWith(virtualHost)) return S3_HOST.test(host.slice(virtualHost.length));
    return S3_HOST.test(host) && isBelow(url.pathname, path);
  };
}

function originRule(entry: string): Rule {
  const origin = URL.parse(entry);
  if (
    origin === null ||
    (origin.protocol !== 'https:' && origin.protocol !== 'http:') ||
    origin.username !== '' ||
    origin.password !== '' ||
    origin.search !== '' ||
    origin.hash !== ''
  ) {
    // Not repeated in the message: it may hold credentials.
    throw new InvalidStorageEntry(
      'an origin must be http(s)://host[:port][/bucket] without user, query or fragment',
    );
  }
  const path = origin.pathname.endsWith('/') ? origin.pathname : `${origin.pathname}/`;
  return (url) => url.origin === origin.origin && isBelow(url.pathname, path);
}

function isBelow(pathname: string, path: string): boolean {
  return pathname.startsWith(path) && pathname.length > path.length;
}

function namesAnObject(url: URL): boolean {
  return url.username === '' && url.password === '' && url.pathname.length > 1;
}
