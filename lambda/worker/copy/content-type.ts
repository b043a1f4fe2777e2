import { headerValue } from './header-value.ts';

/** What stands for "nobody said": S3's default, an old alias of it, and nothing at all. */
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
 * sent again; else the file's first bytes decide for a
 * package, then the extension, then the first bytes for the rest.
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

/** The content type that the extension of a file name tells; null for none or an unknown one. */
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
