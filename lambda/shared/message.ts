import * as v from 'valibot';
import { RecoveryError } from './errors.ts';
import { readFileUrl } from './file-url.ts';
import { wellFormedText } from './text.ts';

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
  /** When the upload failed, as near as the notification tells: epoch milliseconds of the job's last update. */
  failedAt: epochMs,
  /** Id of the evidence that the message is made from; the queue's own id of the message when absent. */
  evidence,
  /** Who asks: Zencoder's own notification, the reconcile schedule, or an operator's redrive. */
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

/**
 * A request to try again: of a person, at once and whatever it has come to, or of reconcile, for what stands still.
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
  /** Who asks; a person when absent. */
  origin: v.exactOptional(v.picklist(['person', 'reconcile'])),
});

const recoveryMessage = v.variant('type', [outputMessage, segmentMessage, redriveMessage]);

export type OutputMessage = v.InferOutput<typeof outputMessage>;
export type SegmentMessage = v.InferOutput<typeof segmentMessage>;
export type RedriveMessage = v.InferOutput<typeof redriveMessage>;
export type RecoveryMessage = v.InferOutput<typeof recoveryMessage>;

/** A queue message that no version of the worker wrote or can read. */
export class MessageNotUnderstood extends RecoveryError {
  override readonly name = 'MessageNotUnderstood';
  override readonly meaning = 'not-understood';
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
