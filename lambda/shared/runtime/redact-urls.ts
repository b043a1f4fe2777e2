/** What stands in place of a secret. */
export const MASK = '***';

/** What may stand behind a host up to the end of its word: quotes, brackets, the end of a sentence. */
const TAIL = '[^\\p{L}\\p{N}:@]*$';
const LETTER = '[\\p{L}\\p{N}*]';
/** A host as it stands in a URL without user info. Its tail begins with what no name holds: there is one way to match. */
const NAME = new RegExp(`^${LETTER}[\\p{L}\\p{N}._*-]*(?:[^\\p{L}\\p{N}:@._*-]${TAIL}|$)`, 'u');
/** A port only behind a name with a dot, since `user:12345` that lost its host looks the same. */
const NAME_AND_PORT = new RegExp(
  `^(?:localhost|${LETTER}[\\p{L}\\p{N}_*-]*\\.[\\p{L}\\p{N}._*-]*):[0-9]{1,5}${TAIL}`,
  'u',
);
const ADDRESS = new RegExp(`^\\[[0-9A-Fa-f:.]{2,45}\\](?::[0-9]{1,5})?${TAIL}`, 'u');
/** What follows an `@` is shown when it is surely a host: it has a dot, is in brackets, or has a path or port behind it. */
const SURE_HOST = /^(?:[\p{L}\p{N}*_-]+[./:]|\[|\*\*\*(?:$|[/?#]))/u;
/** The name of a class, which links to Zencoder's error pages have behind their `#`. */
const CLASS_FRAGMENT = /^#[A-Za-z:]{3,80}Error\W*$/;

/**
 * Takes user info, queries and fragments out of all URLs of one line, with or without scheme. A URL in which it is in
 * doubt where the user info ends is masked from its scheme on, together with the words that may still belong to it: all
 * up to the last `@` before the next URL, and where there is none, all up to that URL.
 */
export function redactUrls(line: string): string {
  // Words at even places, the space between them at odd ones.
  const words = line.split(/(\s+)/);
  const shown: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? '';
    const scheme = word.indexOf('://');
    if (scheme === -1 || assignmentStart(word) < scheme) {
      shown.push(redactWord(word));
      continue;
    }
    const rest = word.slice(scheme + 3);
    const end = endOfUserInfo(words, index, rest);
    const safe = end === index ? redactRest(rest) : null;
    const url = `${redactWord(word.slice(0, scheme))}://${safe ?? MASK}`;
    shown.push(isInUserInfo(word, scheme) ? MASK : url);
    index = end;
  }
  return shown.join('');
}

/** `user:pass://word@host`: the sign of a scheme stands in a password. Quotes before it make it JSON. */
function isInUserInfo(word: string, scheme: number): boolean {
  return /^[^"']*:/.test(word.slice(0, scheme)) && word.includes('@', scheme);
}

/** The place of the last word that may belong to the user info of the URL at this place. */
function endOfUserInfo(words: readonly string[], index: number, rest: string): number {
  const authority = authorityOf(rest);
  if (!/[:@]/.test(authority) || ADDRESS.test(authority)) return index;
  let last = index;
  let next = index + 2;
  for (; next < words.length; next += 2) {
    const word = words[next] ?? '';
    // What is masked already is no user info; without this a second redaction would find other ends than the first.
    if (word.includes('://') || word.includes(MASK)) break;
    if (word.includes('@')) last = next;
  }
  const hostIsLost =
    !rest.includes('@') && !NAME_AND_PORT.test(authority) && !/:[0-9]{1,5}\W*$/.test(authority);
  return last === index && hostIsLost ? next - 2 : last;
}

/** What may be shown of a URL behind its scheme; null when that is in doubt. */
function redactRest(rest: string): string | null {
  const authority = authorityOf(rest);
  const at = rest.lastIndexOf('@');
  if (at === -1) return isHost(authority) ? withoutQuery(rest) : null;
  if (at < authority.length) return hostBehind(rest, at);
  if (!/[:@]/.test(authority)) {
    const path = rest.split(/[?#]/, 1)[0] ?? '';
    return isHost(authority) && !hasUserInfo(path) ? withoutQuery(rest) : null;
  }
  const isPasswordWithSlash = rest.indexOf('@') === at && !/:[0-9]*$/.test(authority);
  return isPasswordWithSlash ? hostBehind(rest, at) : null;
}

function hostBehind(rest: string, at: number): string | null {
  const behind = rest.slice(at + 1);
  return SURE_HOST.test(behind) && isHost(authorityOf(behind)) ? `${MASK}@${withoutQuery(behind)}` : null;
}

/** A word without scheme: `user:password@host`, a mail address, `/path?name=value`. */
function redactWord(word: string): string {
  const colon = word.indexOf(':');
  const mask = word.indexOf(MASK);
  // `user:pa-token=***`: a password in which the name of a secret stands. Quotes make it JSON.
  if (colon !== -1 && mask > colon + 1 && !/["']/.test(word.slice(colon, mask))) {
    return `${word.slice(0, colon + 1)}${MASK}`;
  }
  const start = assignmentStart(word);
  const bare = word.slice(0, start);
  const end = start < word.length ? `${word.charAt(start)}${MASK}` : '';
  const at = word.lastIndexOf('@');
  // A path may hold an `@`: `shows/720@2x.mp4`. So may a value.
  const isPath = bare.lastIndexOf('/', at) !== -1 && !bare.includes(':');
  if (at < 1 || isPath || (at > start && !/[:@]/.test(bare))) return `${bare}${end}`;
  return hostBehind(word, at) ?? MASK;
}

/** Where `?name=value` or `#name=value` begins; the length of the word when there is none. */
function assignmentStart(word: string): number {
  const start = word.search(/[?#]/);
  return start !== -1 && word.includes('=', start) ? start : word.length;
}

/** `user:password@` anywhere. */
function hasUserInfo(path: string): boolean {
  const colon = path.indexOf(':');
  return colon !== -1 && colon < path.lastIndexOf('@');
}

function authorityOf(rest: string): string {
  return rest.split(/[/?#]/, 1)[0] ?? '';
}

function isHost(authority: string): boolean {
  return NAME.test(authority) || NAME_AND_PORT.test(authority) || ADDRESS.test(authority);
}

/** A URL's query and fragment may be credentials whatever they look like; the name of an error class is none. */
function withoutQuery(text: string): string {
  const start = text.search(/[?#]/);
  if (start === -1 || start === text.length - 1 || CLASS_FRAGMENT.test(text.slice(start))) return text;
  return `${text.slice(0, start + 1)}${MASK}`;
}
