import * as v from 'valibot';
import { RecoveryError } from '../runtime/errors.ts';
import { wellFormedText } from '../runtime/redact.ts';
import type { FailedOutput } from '../zencoder/failed-outputs.ts';
import { readFileUrl } from '../zencoder/file-url.ts';
import type { JobInfo } from '../zencoder/model.ts';

/**
 * The messages on the recovery queue. Their shape is a contract between deployed versions: a message may be read by a
 * newer worker than the ingest that wrote it, so a field may be added with a default, never renamed or reused. All text is
 * read well-formed, since it goes into the ledger, which takes no other.
 */

const id = v.pipe(v.string(), v.regex(/^[0-9]{1,20}$/, 'expected a decimal id'));
const epochMs = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const role = v.picklist(['media', 'thumbnail']);
const evidence = v.exactOptional(v.string());
const bytes = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const backupFile = v.object({
  role,
  url: v.pipe(
    wellFormedText,
    v.trim(),
    v.check((text) => readFileUrl(text) !== null, 'expected the URL of a file'),
  ),
  deadline: epochMs,
  filename: v.pipe(wellFormedText, v.minLength(1)),
  thumbnailLabel: v.nullable(wellFormedText),
  size: v.nullable(bytes),
  md5: v.nullable(v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/))),
});

const primaryFailure = v.object({
  role,
  errorClass: wellFormedText,
  message: v.nullable(wellFormedText),
  link: v.nullable(wellFormedText),
  destinationHost: v.nullable(wellFormedText),
});

const jobInfo = v.object({ id, passThrough: v.nullable(wellFormedText), test: v.boolean() });
const outputInfo = v.object({ id, label: v.nullable(wellFormedText), type: v.nullable(wellFormedText) });

/** Everything that is to be done for one output: record its primary failures, recover its backup files. */
const outputMessage = v.object({
  type: v.literal('output'),
  version: v.literal(1),
  job: jobInfo,
  output: outputInfo,
  failures: v.array(primaryFailure),
  files: v.array(backupFile),
  /**
   * When the upload failed, as near as is known: when the output finished, else the job's last update, else when the message
   * was made. Epoch milliseconds.
   */
  failedAt: epochMs,
  /** Id of the evidence that the message carries; the queue's own id of the message when absent. */
  evidence,
  /** What the message was made for: Zencoder's own notification, the reconcile schedule, or a redrive. */
  origin: v.picklist(['notification', 'reconcile', 'redrive']),
});

/** One contiguous range of parts of a large backup file, copied by one worker invocation. */
const segmentMessage = v.object({
  type: v.literal('segment'),
  version: v.literal(1),
  job: jobInfo,
  output: outputInfo,
  file: backupFile,
  /**
   * The multipart upload that the segment belongs to. A segment whose upload was given up queues the file again when no
   * other message has it, or when it was lost to another message's URL; otherwise nothing is left to do.
   */
  uploadId: wellFormedText,
  evidence,
  /** Zero-based. */
  segment: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
});

/** Characters of the name of an operator in a message; longer names are cut. */
export const MAX_REQUESTER = 80;

/**
 * A request to try again: from an operator, at once and in any state, or from reconcile, for a stalled recovery.
 * Everything of an output that is not recovered, or one role or file of it. It holds no signed URL, since the sender has
 * none: the worker gets a fresh one from the Zencoder API. What is past its deadline is settled without asking Zencoder.
 */
const redriveMessage = v.object({
  type: v.literal('redrive'),
  version: v.literal(1),
  jobId: id,
  outputId: id,
  role: v.exactOptional(role),
  fileId: v.exactOptional(v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/, 'expected a file id'))),
  /** The sender; an operator when absent. */
  origin: v.exactOptional(v.picklist(['person', 'reconcile'])),
  /** Which operator asked, and when: for the history of the recoveries. */
  requested: v.exactOptional(
    v.object({ by: v.pipe(wellFormedText, v.minLength(1), v.maxLength(MAX_REQUESTER)), at: epochMs }),
  ),
});

const recoveryMessage = v.variant('type', [outputMessage, segmentMessage, redriveMessage]);

export type OutputMessage = v.InferOutput<typeof outputMessage>;
export type SegmentMessage = v.InferOutput<typeof segmentMessage>;
export type RedriveMessage = v.InferOutput<typeof redriveMessage>;
export type RecoveryMessage = v.InferOutput<typeof recoveryMessage>;

/** A queue message that no version of the worker wrote or can read. */
export class MessageNotUnderstood extends RecoveryError {
  override readonly name = 'MessageNotUnderstood';
  override readonly category = 'invalid-input';
}

/**
 * Reads a message body from the queue.
 *
 * @throws {MessageNotUnderstood} naming the fields that are wrong, never their values (they may hold a signed URL).
 */
export function parseMessage(body: string): RecoveryMessage {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    throw new MessageNotUnderstood('queue message is not JSON');
  }
  const result = v.safeParse(recoveryMessage, json);
  if (!result.success) {
    const where = result.issues.map((issue) => v.getDotPath(issue) ?? '(the message itself)');
    throw new MessageNotUnderstood(
      `queue message has missing or wrong fields: ${[...new Set(where)].join(', ')}`,
    );
  }
  return result.output;
}

/** A message as the text that goes on the queue. */
export function encodeMessage(message: RecoveryMessage): string {
  return encodeJson(message);
}

/** Half of a pair; the lowest unit that is escaped. */
const FIRST_ESCAPED = 0xd800;
const LAST_OF_PAIRS = 0xdfff;
const FIRST_NON_CHARACTER = 0xfffe;
/** Escapes of all units from U+D800 on, made once: a body of emoji has millions of them. */
const ESCAPES: readonly string[] = Array.from(
  { length: 0x1_0000 - FIRST_ESCAPED },
  (_, index) => `\\u${(FIRST_ESCAPED + index).toString(16)}`,
);

/**
 * JSON for SQS and SNS, in which every character that they do not take as it is (U+FFFE, U+FFFF), or that servers like
 * them do not (beyond the basic plane), is escaped. Labels and `pass_through` are the customer's own words and hold
 * whatever they like.
 */
export function encodeJson(value: object): string {
  return JSON.stringify(value).replace(/[\ud800-\udfff\ufffe\uffff]+/g, escapeUnits);
}

/** Bytes of {@link encodeJson}'s text as UTF-8, for less than it costs to make that text. */
export function encodedBytes(value: object): number {
  const json = JSON.stringify(value);
  const bytes = Buffer.byteLength(json);
  if (bytes === json.length) return bytes;
  let added = 0;
  for (let at = 0; at < json.length; at++) added += addedByEscape(json.charCodeAt(at));
  return bytes + added;
}

/** An escape has six bytes; half of a pair has two, and U+FFFE three. */
function addedByEscape(unit: number): number {
  if (unit < FIRST_ESCAPED) return 0;
  if (unit <= LAST_OF_PAIRS) return 4;
  return unit >= FIRST_NON_CHARACTER ? 3 : 0;
}

function escapeUnits(units: string): string {
  let escaped = '';
  for (let at = 0; at < units.length; at++) escaped += ESCAPES[units.charCodeAt(at) - FIRST_ESCAPED] ?? '';
  return escaped;
}

/** SQS takes messages of 1 MiB; what is kept free is for attributes that tracing may add. */
export const MAX_MESSAGE_BYTES = 1_048_576 - 16_384;

/**
 * The messages for one output: one, unless its files do not fit into it. The failures go into the first; recording
 * them and recovering files do not wait for each other.
 *
 * @param longestBytes of a message as UTF-8.
 */
export function outputMessages(
  job: JobInfo,
  decision: FailedOutput,
  origin: OutputMessage['origin'],
  longestBytes: number = MAX_MESSAGE_BYTES,
): OutputMessage[] {
  const { output, failures, files, failedAt } = decision;
  const envelope: OutputMessage = {
    type: 'output',
    version: 1,
    job,
    output,
    failures: [...failures],
    files: [],
    failedAt,
    origin,
  };
  const bare = encodedBytes({ ...envelope, failures: [] });
  const messages: OutputMessage[] = [envelope];
  let current = envelope;
  let bytes = encodedBytes(envelope);
  for (const file of files) {
    // What the file adds to the text, with a comma.
    const share = encodedBytes(file) + 1;
    if (current.files.length > 0 && bytes + share > longestBytes) {
      current = { ...envelope, failures: [], files: [] };
      messages.push(current);
      bytes = bare;
    }
    current.files.push(file);
    bytes += share;
  }
  return messages;
}

/** What the messages of all segments of a file have in common. */
type SegmentEnvelope = Pick<SegmentMessage, 'job' | 'output' | 'file' | 'uploadId' | 'evidence'>;

/** The messages for segments of one upload. */
export function segmentMessages(envelope: SegmentEnvelope, segments: readonly number[]): SegmentMessage[] {
  return segments.map((segment) => ({ type: 'segment', version: 1, ...envelope, segment }));
}
