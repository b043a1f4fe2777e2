/** What stands in place of a secret. */
const MASK = '***';

const NAMED_SECRET = new RegExp(
  '(signature|awsaccesskeyid|x-amz-[a-z-]{1,40}|(?:zencoder-)?api[_-]?key|(?:x-zencoder-)?notification-?secret|' +
    'authorization|pass(?:word|wd|phrase)|secret(?:[_-]?access[_-]?key)?|security-?token)' +
    '(["\']?\\s{0,3}[=:]\\s{0,3}["\']?)(?:(?:basic|bearer)\\s+)?\\S+',
  'gi',
);
const AUTHORIZATION = /\b(basic|bearer)\s+[A-Za-z0-9+/=._~-]{12,}/gi;
/** `scheme://user:password` whose host got lost (cut off, or after a space): what follows the colon is no port. */
const LOST_HOST = /(:\/\/[^/:@?#[\]]*):(?![0-9]{1,5}(?![0-9A-Za-z]))[^/]+/g;
const MASKED = `$1:${MASK}`;
const ACCESS_KEY_ID = /\bA(?:KI|SI)A[0-9A-Z]{12,}/g;

/**
 * Takes secrets out of text that is going to a log, the ledger, a page or an event: user info in any URL
 * (`ftp://user:pw@host` becomes `ftp://***@host`), the query of every URL (signatures), values of headers and
 * parameters that are known to be secret, AWS access key ids.
 *
 * Takes rather too much than too little, and does so in linear time whatever the text. Redacting twice changes nothing.
 */
export function redact(text: string): string {
  return text
    .replace(/\S+/g, redactWord)
    .replace(NAMED_SECRET, `$1$2${MASK}`)
    .replace(AUTHORIZATION, `$1 ${MASK}`)
    .replace(ACCESS_KEY_ID, MASK);
}

function redactWord(word: string): string {
  const query = queryStart(word);
  return query === -1 ? redactUserInfo(word) : `${redactUserInfo(word.slice(0, query))}?${MASK}`;
}

/** Where a query begins that must go: of a URL always, of anything else when it looks like `?name=value`. */
function queryStart(word: string): number {
  const first = word.indexOf('?');
  if (first === -1) return -1;
  if (word.includes('=', first)) return first;
  const scheme = word.indexOf('://');
  const query = scheme === -1 ? -1 : word.indexOf('?', scheme);
  return query === word.length - 1 ? -1 : query;
}

function redactUserInfo(word: string): string {
  const at = word.lastIndexOf('@');
  const scheme = word.indexOf('://');
  const start = scheme === -1 || at < scheme ? 0 : scheme + 3;
  const before = word.slice(start, Math.max(at, start));
  // A password may hold an unescaped slash or `@`, so everything up to the last `@` is suspect once it has a colon.
  const suspect = before.includes(':') || (start > 0 && before !== '' && !before.includes('/'));
  return suspect
    ? `${word.slice(0, start)}${MASK}${word.slice(at).replace(LOST_HOST, MASKED)}`
    : word.replace(LOST_HOST, MASKED);
}
