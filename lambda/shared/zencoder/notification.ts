import * as v from 'valibot';
import { RecoveryError } from '../runtime/errors.ts';
import { findOutputs, isWithoutOutputs } from './found-outputs.ts';
import type { JobInfo } from './model.ts';
import * as schema from './notification-schema.ts';
import { Allowance, type NotifiedThumbnail, readThumbnails } from './notified-thumbnails.ts';

/** An upload error as Zencoder reports it: unredacted, and without a class where there is no link. */
export interface NotifiedError {
  /** Set only where Zencoder names the class apart from the link. */
  readonly errorClass: string | null;
  readonly link: string | null;
  readonly message: string | null;
}

export interface NotifiedOutput {
  readonly id: string;
  readonly label: string | null;
  readonly type: string | null;
  /** In lower case with underscores; the set of states is open. */
  readonly state: string | null;
  /** Set on live events only: the output is still being made. */
  readonly event: string | null;
  readonly url: string | null;
  /** Bytes as reported: of a segmented output those of all media, not of the file. */
  readonly size: number | null;
  readonly md5: string | null;
  /** Epoch milliseconds; only the API reports it. */
  readonly finishedAt: number | null;
  readonly backupServerUsed: boolean;
  /** Why the upload of the media failed; null when nothing is reported. */
  readonly uploadError: NotifiedError | null;
  /** Why the upload of the thumbnails failed; null when nothing is reported. */
  readonly thumbnailUploadError: NotifiedError | null;
  /** Why the output itself failed, which may or may not be an upload error. */
  readonly error: NotifiedError | null;
  readonly thumbnails: readonly NotifiedThumbnail[];
}

/** What Zencoder posted, whatever its kind and version, or what its API responded. */
export interface Notification {
  readonly kind: 'output' | 'job';
  readonly job: JobInfo;
  readonly jobState: string | null;
  /** Epoch milliseconds of the job's last change. */
  readonly jobUpdatedAt: number | null;
  /** True when Zencoder could not get or read the input: then no error of an output is about its upload. */
  readonly inputFailed: boolean;
  readonly outputs: readonly NotifiedOutput[];
  /**
   * Parts that say something that could not be read: outputs without an id, thumbnails in no known shape, URLs and
   * flags of another type, a job without a readable id.
   */
  readonly unreadable: number;
  /** Outputs and images beyond the bounds, which were not read. */
  readonly beyond: number;
}

/** How much of a notification is read. */
export interface NotificationBounds {
  readonly outputs: number;
  /** Images of all outputs together. */
  readonly thumbnails: number;
  /** Characters of the URLs of all images together, without their queries. */
  readonly pathCharacters: number;
}

const UNBOUNDED: NotificationBounds = {
  outputs: Number.POSITIVE_INFINITY,
  thumbnails: Number.POSITIVE_INFINITY,
  pathCharacters: Number.POSITIVE_INFINITY,
};

/** Stands for the job of an output whose notification names none; Zencoder's own ids begin far above. */
const UNKNOWN_JOB_ID = '0';

/** The JSON is no notification of Zencoder's; the message says what was expected, and quotes nothing. */
export class NotANotification extends RecoveryError {
  override readonly name = 'NotANotification';
  override readonly category = 'invalid-input';
}

/**
 * Reads the parsed body of a notification: API v2 output and job notifications, live events and v1 bodies, and
 * also the names that API responses use. Unknown fields and states, nulls and a missing job are no obstacle. Outputs are
 * taken from every place that holds some, each different one once.
 *
 * @param bounds what is beyond them is counted, and not read.
 * @throws {NotANotification} when there is neither an output nor a list of outputs nor a job.
 */
export function parseNotification(json: unknown, bounds: Partial<NotificationBounds> = {}): Notification {
  if (!schema.isFields(json)) throw new NotANotification('expected a JSON object');
  const most = { ...UNBOUNDED, ...bounds };
  const jobFields = fieldsOf(json.job);
  const found = findOutputs(json, jobFields) ?? jobWithoutOutputs(json, jobFields);
  const allowance = new Allowance(most.thumbnails, most.pathCharacters);
  const items = found.items.slice(0, most.outputs);
  const read = items.flatMap((item) => readOutput(item, allowance) ?? []);
  if (items.length > 0 && read.length === 0) {
    throw new NotANotification(`expected ${found.where} to have a numeric id`);
  }
  const job = parseJob(jobFields);
  const isJobUnreadable = (json.job ?? null) !== null && job.job.id === UNKNOWN_JOB_ID;
  return {
    ...job,
    kind: found.kind,
    inputFailed: inputStateOf(json.input ?? jobFields.input_media_file) === 'failed',
    outputs: withoutRepetitions(read.map(({ output }) => output)),
    unreadable:
      found.unreadable +
      (items.length - read.length) +
      read.reduce((sum, { unreadable }) => sum + unreadable, 0) +
      Number(isJobUnreadable),
    beyond: found.items.length - items.length + allowance.beyond,
  };
}

function fieldsOf(value: unknown): schema.Fields {
  return schema.isFields(value) ? value : {};
}

/** What is found in a body without outputs: a job that names none has none. */
function jobWithoutOutputs(body: schema.Fields, job: schema.Fields) {
  if (isWithoutOutputs(body, job) && v.is(v.object({ id: schema.id }), job)) {
    return { kind: 'job', items: [], unreadable: 0, where: 'job' } as const;
  }
  throw new NotANotification(
    'expected an output notification (an object "output") or a job notification (an array "outputs"), each with "job"',
  );
}

/** The outputs without repetitions: two places of one body may hold the same one. */
function withoutRepetitions(outputs: readonly NotifiedOutput[]): NotifiedOutput[] {
  if (outputs.length < 2) return [...outputs];
  return [...new Map(outputs.map((output) => [JSON.stringify(output), output])).values()];
}

function parseJob(fields: schema.Fields): Pick<Notification, 'job' | 'jobState' | 'jobUpdatedAt'> {
  const job = v.parse(schema.job, fields);
  return {
    job: { id: job.id ?? UNKNOWN_JOB_ID, passThrough: job.pass_through, test: job.test },
    jobState: job.state,
    jobUpdatedAt: job.updated_at ?? job.finished_at,
  };
}

function inputStateOf(input: unknown): string | null {
  const parsed = v.safeParse(schema.input, input);
  return parsed.success ? parsed.output.state : null;
}

/** An output, and how many of its parts say something that could not be read. */
interface ReadOutput {
  readonly output: NotifiedOutput;
  readonly unreadable: number;
}

/** One output object of a notification or of an API response; null when it has no readable id. */
export function parseOutput(json: unknown): NotifiedOutput | null {
  return readOutput(json, new Allowance(UNBOUNDED.thumbnails))?.output ?? null;
}

function readOutput(json: unknown, allowance: Allowance): ReadOutput | null {
  const parsed = v.safeParse(schema.output, json);
  if (!parsed.success) return null;
  const output = parsed.output;
  const { thumbnails, unreadable } = readThumbnails(output.thumbnails, allowance);
  const { url, backup_server_used: flag } = fieldsOf(json);
  return {
    output: {
      id: output.id,
      label: output.label,
      type: output.type,
      state: output.state,
      event: output.event,
      url: output.url,
      size: output.file_size_in_bytes ?? output.file_size_bytes,
      md5: output.md5_checksum,
      finishedAt: output.finished_at,
      backupServerUsed: output.backup_server_used,
      uploadError: errorOf(output.primary_upload_error_link, output.primary_upload_error_message),
      thumbnailUploadError: errorOf(
        output.primary_thumbnail_upload_error_link,
        output.primary_thumbnail_upload_error_message,
      ),
      error: errorOf(output.error_link, output.error_message, output.error_class),
      thumbnails,
    },
    unreadable:
      unreadable + Number((url ?? null) !== null && output.url === null) + Number(!schema.isFlag(flag)),
  };
}

function errorOf(
  link: string | null,
  message: string | null,
  errorClass: string | null = null,
): NotifiedError | null {
  // The documentation prints the name of the message where that of the link should stand.
  if (!link && message !== null && /^https?:\/\/\S+$/.test(message))
    return errorOf(message, null, errorClass);
  return link || message || errorClass
    ? { errorClass: errorClass || null, link: link || null, message: message || null }
    : null;
}
