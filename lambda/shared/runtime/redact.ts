import * as v from 'valibot';
import { MASK, redactUrls } from './redact-urls.ts';

/**
 * Text from outside. A text cut in the middle of a character ends with half a surrogate pair: JSON can
 * hold it, but UTF-8 cannot, so no item with it can be written to DynamoDB. Each such half becomes U+FFFD.
 */
export const wellFormedText = v.pipe(
  v.string(),
  v.transform((text) => text.toWellFormed()),
);

/** The first `longest` UTF-16 units of a text, never with half a character at the end. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : text.slice(0, longest).replace(/[\ud800-\udbff]$/, '');
}

/**
 * Text in Unicode's form C, well-formed. Of marks on one letter no more than 30 are kept, as in Unicode's Stream-Safe Text
 * Format (UAX #15): to put more into their order takes the square of their number.
 */
export function composed(text: string): string {
  return text
    .toWellFormed()
    .replace(/(\p{M}{30})\p{M}+/gu, '$1')
    .normalize('NFC');
}

/** Names of secrets that are followed by their value with or without a sign between: `password hunter2`. */
const SECRET =
  'pass(?:word|wd|phrase|code)|pwd|secret(?:[\\s_-]?access)?(?:[\\s_-]?key)?|credential|signature|token|' +
  '(?:access|api|account|private|shared|storage)[\\s_-]?key(?:[\\s_-]?id)?';
/** Names that are too common to be followed by their value without a sign. */
const SECRET_WITH_SIGN = `${SECRET}|awsaccesskeyid|x-amz-[a-z-]{1,40}(?![a-z-])|auth(?:orization)?|pass|key|cookie|session(?:[\\s_-]?id)?|(?<![a-z0-9])(?:pw|sig|sas|jwt)`;

/** Words that follow such a name in a sentence and are no secret; whatever else follows is taken for one. */
const NO_SECRET = [
  'is are was were be been being has have had do does did can could cannot may must should will would not no nor and or',
  'but if as at by for from in into of on to with without within the a an any all each that this these those which who',
  'whose when while during because before after until than then so too you your yours we they he she it its our their one',
  'i my me us both either provided given used using supplied set changed reset updated sent specified configured entered',
  'matching matches match mismatch mismatched wrong bad invalid incorrect malformed missing required expired unknown',
  'unusable empty blank refused rejected denied failed failure accepted found disabled revoked error errors authentication',
  'authorization auth login policy manager field header parameter name names combination pair file prompt protected',
  'access key keys id ids password passwords passphrase token tokens secret secrets credential credentials user username',
]
  .join(' ')
  .replaceAll(' ', '|');
/** Behind a word that is no secret; anything else makes it part of one. */
const WORD_ENDS = '(?=[.,;:!?)"\']{0,3}(?:\\s|$))';
/** What is in quotes, spaces included, where nothing behind them looks like a host. */
const QUOTED = '(["\'])[^"\'\\r\\n]+(?=["\'][^\\s@]{0,200}(?:\\s|$))';
/** The same; else the whole word. */
const QUOTED_OR_WORD = `(?:${QUOTED}|(?:\\S*[:=]\\s{1,3}){0,2}\\S+)`;

/** Not the user of a URL: of `s3://key:secret@bucket` the bucket may be shown. */
const NO_USER_INFO = '(?<!://[^\\s/]{0,64})';
/** `name=value`, `"name": "value"`, `<name>value`, `name is: value`; not `InvalidToken: …`, which is an error of S3's. */
const SIGN =
  `((?<!invalid|expired|such)(?:${SECRET_WITH_SIGN})${NO_USER_INFO}s?["'\\\\\\])]{0,3}\\s{0,3}(?:(?:is|was)\\s{0,3})?` +
  '(?:[=:]>?|->|>|%3[ad])\\s{0,3}\\\\?)(?:(?:basic|bearer)\\s{1,3})?';
/** `password hunter2`, `password for bob is "hunter2"`, `Secret Key hunter2`. */
const SPACE =
  `((?:${SECRET})s?["')]{0,2}\\s{1,3}(?:(?:for|of)\\s{1,3}\\S{1,80}\\s{1,3})?` +
  '(?:(?:is|was|are|were|set|changed|reset|given|used|sent|to|as|of)\\s{1,3}){0,3})' +
  `(?!(?:${NO_SECRET})${WORD_ENDS})`;
/** Values in quotes go first: what is in them may look like a name and a value, whose mask would take the closing quote. */
const ANNOUNCED = [SIGN + QUOTED, SPACE + QUOTED, SIGN + QUOTED_OR_WORD, SPACE + QUOTED_OR_WORD].map(
  (source) => new RegExp(source, 'gi'),
);
/** The command of FTP, which logs of a session show. */
const FTP_PASS = /((?:PASS|ACCT)\s{1,3})\S+/g;
/** `user bob:hunter2`, `logged in as bob/hunter2`. */
const USER_PAIR = /((?:user(?:name)?|login|in as)\s{0,3}[\s:=]\s{0,3})(?!\S*:\/\/)[^\s:/]+[:/](?![:/])\S+/gi;
const AUTHORIZATION = /(basic|bearer)\s+[A-Za-z0-9+/=._~-]{12,}\S*/gi;
const ACCESS_KEY_ID = /A(?:KI|SI)A[0-9A-Z]{12,}/g;

/** A mask may make a word look like another kind of secret: so again, until nothing changes; rarely more than twice. */
const MAX_ROUNDS = 5;

/**
 * Takes secrets out of text that is going to a log, the ledger, a page or an event: user info in any URL
 * (`ftp://user:pw@host` becomes `ftp://***@host`), query and fragment of every URL (signatures), what follows the name
 * of a secret (a password, token, key, signature, cookie), AWS access key ids, what precedes the `@` of a mail address.
 *
 * When in doubt it takes: rather a word too many than a piece of a password. It takes linear time whatever the text.
 * Redacting twice changes nothing.
 */
export function redact(text: string): string {
  let shown = text;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const before = shown;
    shown = redactOnce(before);
    if (shown === before) break;
  }
  return shown;
}

/** What a name announces goes before what an `@` announces: a password may hold one. */
function redactOnce(text: string): string {
  return ANNOUNCED.reduce(
    (shown, announced) => shown.replace(announced, `$1$2${MASK}`),
    text.replace(ACCESS_KEY_ID, MASK),
  )
    .replace(FTP_PASS, `$1${MASK}`)
    .replace(USER_PAIR, `$1${MASK}`)
    .replace(AUTHORIZATION, `$1 ${MASK}`)
    .replace(/[^\r\n]+/g, redactUrls);
}
