/**
 * Characters that one header value may have. S3 allows 2 KB for an object's system headers, names included, and as much
 * again for its metadata: five headers of this length fit.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
 */
export const MAX_HEADER_VALUE = 380;

/**
 * A text as the value of a header that is signed and sent alike: trimmed, visible ASCII and spaces only. A tab or a byte
 * beyond ASCII is signed in another form than it is sent, and S3 then refuses the request.
 *
 * @returns null for a text that is no such value, is empty, or is longer than {@link MAX_HEADER_VALUE}.
 */
export function headerValue(text: string | null | undefined): string | null {
  const value = text?.trim() ?? '';
  if (value.length > MAX_HEADER_VALUE) return null;
  return /^[\x20-\x7e]+$/.test(value) ? value : null;
}

/** Content types that say nothing about a file: S3's default, an old alias of it, and none at all. */
const OF_NO_USE = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'application/x-download']);

/** The kinds of file that Zencoder makes. */
const BY_EXTENSION: Readonly<Record<string, string>> = {
  '3g2': 'video/3gpp2',
  '3gp': 'video/3gpp',
  aac: 'audio/aac',
  ac3: 'audio/ac3',
  avi: 'video/x-msvideo',
  dfxp: 'application/ttml+xml',
  eac3: 'audio/eac3',
  f4a: 'audio/mp4',
  f4v: 'video/mp4',
  flac: 'audio/flac',
  flv: 'video/x-flv',
  gif: 'image/gif',
  ism: 'application/vnd.ms-sstr+xml',
  ismc: 'application/vnd.ms-sstr+xml',
  isma: 'audio/mp4',
  ismv: 'video/mp4',
  jpeg: 'image/jpeg',
  jpg: 'image/jpeg',
  json: 'application/json',
  m3u8: 'application/vnd.apple.mpegurl',
  m4a: 'audio/mp4',
  m4f: 'video/iso.segment',
  m4s: 'video/iso.segment',
  m4v: 'video/mp4',
  mkv: 'video/x-matroska',
  mov: 'video/quicktime',
  mp2: 'audio/mpeg',
  mp3: 'audio/mpeg',
  mp4: 'video/mp4',
  mpd: 'application/dash+xml',
  mpeg: 'video/mpeg',
  mpg: 'video/mpeg',
  mxf: 'application/mxf',
  oga: 'audio/ogg',
  ogg: 'audio/ogg',
  ogv: 'video/ogg',
  opus: 'audio/ogg',
  png: 'image/png',
  scc: 'text/x-scc',
  smil: 'application/smil+xml',
  srt: 'application/x-subrip',
  tar: 'application/x-tar',
  ts: 'video/mp2t',
  ttml: 'application/ttml+xml',
  txt: 'text/plain',
  vtt: 'text/vtt',
  wav: 'audio/wav',
  webm: 'video/webm',
  webp: 'image/webp',
  wma: 'audio/x-ms-wma',
  wmv: 'video/x-ms-wmv',
  xml: 'application/xml',
  zip: 'application/zip',
};

/** First bytes of kinds that may come under any name: a packaged output is a ZIP whatever its URL ends in. */
const BY_FIRST_BYTES: readonly (readonly [offset: number, bytes: string, type: string])[] = [
  [0, 'PK\u0003\u0004', 'application/zip'],
  [0, 'PK\u0005\u0006', 'application/zip'],
  [0, '\u0089PNG\r\n', 'image/png'],
  [0, '\u00ff\u00d8\u00ff', 'image/jpeg'],
  [0, '\u001aE\u00df\u00a3', 'video/webm'],
  [0, '#EXTM3U', 'application/vnd.apple.mpegurl'],
  [0, 'WEBVTT', 'text/vtt'],
  [0, 'ID3', 'audio/mpeg'],
  [4, 'ftypqt', 'video/quicktime'],
  [4, 'ftyp', 'video/mp4'],
  [257, 'ustar', 'application/x-tar'],
];

/**
 * The content type to store. The source's own is kept when it says anything, without its parameters where they cannot be
 * sent again; else the file's first bytes decide for a package, then the extension, then the first bytes for the rest.
 *
 * @param stated the source's `Content-Type`, null when it sent none.
 * @param start the first bytes of the file, as many as are at hand.
 */
export function contentTypeOf(stated: string | null, filename: string, start: Uint8Array): string {
  const bare = stated?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (!OF_NO_USE.has(bare) && /^[\w.+-]+\/[\w.+-]+$/.test(bare)) {
    const own = headerValue(stated) ?? headerValue(bare);
    if (own !== null) return own;
  }
  const found = typeOfBytes(start);
  if (found === 'application/zip') return found;
  return typeOfName(filename) ?? found ?? 'application/octet-stream';
}

/** The content type that goes with the extension of a file name; null for none or an unknown one. */
export function typeOfName(filename: string): string | null {
  const extension = /\.([^./]+)$/.exec(filename)?.[1]?.toLowerCase();
  return extension !== undefined && Object.hasOwn(BY_EXTENSION, extension)
    ? (BY_EXTENSION[extension] ?? null)
    : null;
}

function typeOfBytes(start: Uint8Array): string | null {
  const text = Buffer.from(start.subarray(0, 512)).toString('latin1');
  const match = BY_FIRST_BYTES.find(([offset, bytes]) => text.startsWith(bytes, offset));
  return match?.[2] ?? null;
}

/** The metadata that makes an object ours: the identity of the recovery. */
export const IDENTITY_KEYS = ['zencoder-job', 'zencoder-output', 'zencoder-role', 'zencoder-file'] as const;

/** S3 allows 2 KB of user metadata in all. */
const MAX_CHARACTERS = 1900;

/**
 * Makes metadata fit for headers: values are percent-encoded where they hold anything but visible ASCII, and cut where S3 would
 * refuse the length. What exceeds S3's limit in all is left out, last first; identity comes first and is always kept.
 */
export function objectMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(metadata).map((name) => name.toLowerCase());
  const identity: readonly string[] = IDENTITY_KEYS;
  const ordered = [
    ...identity.filter((name) => names.includes(name)),
    ...names.filter((name) => !identity.includes(name)),
  ];
  const values = new Map(
    Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), headerValue(encoded(value))]),
  );
  const result: Record<string, string> = {};
  let characters = 0;
  for (const name of ordered) {
    const value = values.get(name) ?? null;
    if (value === null || !/^[a-z0-9-]+$/.test(name)) continue;
    characters += name.length + value.length;
    if (characters > MAX_CHARACTERS) break;
    result[name] = value;
  }
  return result;
}

/** Whether an object with this metadata is the one that a copy with that metadata made. */
export function isSameCopy(
  found: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  const expected = objectMetadata(wanted);
  const identity = IDENTITY_KEYS.filter((key) => expected[key] !== undefined);
  return identity.length > 0 && identity.every((key) => found?.[key] === expected[key]);
}

/** Whether an object with this metadata is one that a copy of another file made. */
export function isOfAnotherFile(
  found: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return IDENTITY_KEYS.every((key) => (found?.[key] ?? '') !== '') && !isSameCopy(found, wanted);
}

/** Percent-encodes what a header cannot hold, and stops at the last whole character that fits. */
function encoded(value: string): string {
  let safe = '';
  for (const character of value.toWellFormed()) {
    const plain = /^[\x20-\x24\x26-\x7e]$/.test(character);
    const next = plain ? character : encodeURIComponent(character);
    if (safe.length + next.length > MAX_HEADER_VALUE) break;
    safe += next;
  }
  return safe;
}

/** Headers that S3 keeps with an object and gives back with it, besides its type; a copy of the object keeps them. */
export interface StoredHeaders {
  readonly contentEncoding?: string;
  readonly contentLanguage?: string;
  readonly contentDisposition?: string;
  readonly cacheControl?: string;
}

/** Describes how a request was sent and is no property of an object, although some clients store it as one. */
const OF_THE_REQUEST = 'aws-chunked';

/**
 * The headers that an object was stored with, as far as they can be sent again; others are left out.
 *
 * @param headers of the response to a GET, by lower-case name.
 */
export function storedHeadersOf(headers: ReadonlyMap<string, string>): StoredHeaders {
  const contentEncoding = encodingOf(headers.get('content-encoding'));
  const contentLanguage = headerValue(headers.get('content-language'));
  const contentDisposition = headerValue(headers.get('content-disposition'));
  const cacheControl = headerValue(headers.get('cache-control'));
  return {
    ...(contentEncoding !== null && { contentEncoding }),
    ...(contentLanguage !== null && { contentLanguage }),
    ...(contentDisposition !== null && { contentDisposition }),
    ...(cacheControl !== null && { cacheControl }),
  };
}

/** The codings in their order; null when nothing is left of them, or when they are no list of tokens. */
function encodingOf(text: string | undefined): string | null {
  const codings = (text ?? '')
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding.toLowerCase() !== OF_THE_REQUEST);
  return codings.every((coding) => /^[\w!#$%&'*+.^`|~-]+$/.test(coding))
    ? headerValue(codings.join(','))
    : null;
}
