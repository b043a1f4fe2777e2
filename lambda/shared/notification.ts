import * as v from 'valibot';
import { RecoveryError } from './errors.ts';
import type { JobInfo } from './model.ts';
import * as schema from './notification-schema.ts';

/** An upload error as Zencoder tells it: unredacted, and without a class where there is no link. */
export interface NotifiedError {
  /** Set only where Zencoder names the class apart from the link. */
  readonly errorClass: string | null;
  readonly link: string | null;
  readonly message: string | null;
}

export interface NotifiedThumbnail {
  /** Label of the set; null when the job asked for a single set without label. */
  readonly label: string | null;
  /** As written: a URL, or a path inside a package. */
  readonly url: string;
  /** Bytes. */
  readonly size: number | null;
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
  /** Bytes as told; speaks of all media of a segmented output, not of the file. */
  readonly size: number | null;
  readonly md5: string | null;
  /** Epoch milliseconds; told by the API only. */
  readonly finishedAt: number | null;
  readonly backupServerUsed: boolean;
  /** Why the upload of the media failed; null when nothing is told. */
  readonly uploadError: NotifiedError | null;
  /** Why the upload of the thumbnails failed; null when nothing is told. */
  readonly thumbnailUploadError: NotifiedError | null;
  /** Why the output itself failed, which may or may not be an upload error. */
  readonly error: NotifiedError | null;
  readonly thumbnails: readonly NotifiedThumbnail[];
}

/** What Zencoder posted, whatever its kind and version, or what its API answered. */
export interface Notification {
  readonly kind: 'output' | 'job';
  readonly job: JobInfo;
  readonly jobState: string | null;
  /** Epoch milliseconds of the job's last change. */
  readonly jobUpdatedAt: number | null;
  /** True when Zencoder could not get or read the input: then no error of an output is about its upload. */
  readonly inputFailed: boolean;
  readonly outputs: readonly NotifiedOutput[];
  /** How many outputs could not be read, for want of an id. */
  readonly unreadable: number;
}

/** Stands for the job of an output whose notification names none; Zencoder's own ids begin far above. */
export const UNKNOWN_JOB_ID = '0';

/** The JSON is no notification of Zencoder's; the message says what was expected, and quotes nothing. */
export class NotANotification extends RecoveryError {
  override readonly name = 'NotANotification';
  override readonly meaning = 'not-understood';
}

const body = v.looseObject({});

/**
 * Understands the parsed body of a notification: API v2 output and job notifications, live events and v1 bodies, and
 * also the names that API answers use. Unknown fields and states, nulls and a missing job are no obstacle.
 *
 * @throws {NotANotification} when there is neither an output nor a list of outputs nor a job.
 */
export function parseNotification(json: unknown): Notification {
  const parsed = v.safeParse(body, json);
  if (!parsed.success || Array.isArray(json)) {
    throw new NotANotification('expected a JSON object');
  }
  const fields = parsed.output;
  const jobFields = fieldsOf(fields.job);
  const found = findOutputs(fields, jobFields);
  const outputs = found.items.flatMap((item) => parseOutput(item) ?? []);
  if (found.items.length > 0 && outputs.length === 0) {
    throw new NotANotification(`expected ${found.where} to have a numeric id`);
  }
  const job = parseJob(jobFields);
  return {
    ...job,
    kind: found.kind,
    inputFailed: inputStateOf(fields.input ?? jobFields.input_media_file) === 'failed',
    outputs,
    unreadable: found.items.length - outputs.length,
  };
}

function fieldsOf(value: unknown): Fields {
  return v.is(body, value) ? value : {};
}

interface FoundOutputs {
  readonly kind: Notification['kind'];
  readonly items: readonly unknown[];
  readonly where: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Each place where a list of outputs has been seen, the notification's own first. */
const LISTS = ['outputs', 'output_media_files'] as const;

function findOutputs(fields: Fields, job: Fields): FoundOutputs {
  for (const [holder, prefix] of [
    [fields, ''],
    [job, 'job.'],
  ] as const) {
    for (const name of LISTS) {
      const items = holder[name];
      if (Array.isArray(items)) return { kind: 'job', items, where: `an element of ${prefix}${name}` };
    }
  }
  const output = fields.output;
  if (v.is(body, output) && !Array.isArray(output))
    return { kind: 'output', items: [output], where: 'output' };
  const silent =
    LISTS.every((name) => (fields[name] ?? job[name] ?? null) === null) && (output ?? null) === null;
  if (silent && v.is(v.object({ id: schema.id }), job)) return { kind: 'job', items: [], where: 'job' };
  throw new NotANotification(
    'expected an output notification (an object "output") or a job notification (an array "outputs"), each with "job"',
  );
}

function parseJob(fields: Fields): Pick<Notification, 'job' | 'jobState' | 'jobUpdatedAt'> {
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

/** One output object of a notification or of an API answer; null when it has no readable id. */
export function parseOutput(json: unknown): NotifiedOutput | null {
  const parsed = v.safeParse(schema.output, json);
  if (!parsed.success) return null;
  const output = parsed.output;
  return {
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
    thumbnails: output.thumbnails.flatMap(parseThumbnails),
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

/** A set of images as notifications have it, or a single image as the API lists them. */
export function parseThumbnails(json: unknown): NotifiedThumbnail[] {
  const single = parseImage(json, null);
  if (single !== null) return [single];
  const set = v.safeParse(schema.thumbnailSet, json);
  if (!set.success) return [];
  const { label, images } = set.output;
  return images.flatMap((image) => parseImage(image, label) ?? []);
}

function parseImage(json: unknown, label: string | null): NotifiedThumbnail | null {
  const image = v.safeParse(schema.thumbnailImage, json);
  if (!image.success || !image.output.url) return null;
  const { url, file_size_bytes, file_size_in_bytes, group_label } = image.output;
  return { label: label ?? group_label, url, size: file_size_bytes ?? file_size_in_bytes };
}
