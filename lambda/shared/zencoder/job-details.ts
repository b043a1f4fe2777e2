import * as v from 'valibot';
import { RecoveryError } from '../runtime/errors.ts';
import {
  NotANotification,
  type Notification,
  type NotifiedOutput,
  parseNotification,
  parseOutput,
} from './notification.ts';
import { Allowance, type NotifiedThumbnail, readThumbnails } from './notified-thumbnails.ts';

/** The response of Zencoder's API is neither a job nor an output; another request may succeed. */
export class UnexpectedApiResponse extends RecoveryError {
  override readonly name = 'UnexpectedApiResponse';
  override readonly category = 'transient';
}

/** A job as the API reports it. */
export interface JobDetails extends Notification {
  /**
   * Thumbnails that the API lists beside the outputs without saying whose they are, where more than one output could
   * own them. Where only one can, they are among that output's own.
   */
  readonly unassignedThumbnails: readonly NotifiedThumbnail[];
}

const jobThumbnails = v.object({ job: v.object({ thumbnails: v.unknown() }) });

/**
 * Reads the parsed response of `GET /jobs/:id` (or one element of `GET /jobs`) into the shape of a job notification, so
 * that one decision serves both.
 *
 * @throws {UnexpectedApiResponse} when the response holds no job.
 */
export function parseJobDetails(json: unknown): JobDetails {
  const details = parseAsNotification(json);
  const listed = v.safeParse(jobThumbnails, json);
  const { thumbnails } = readThumbnails(
    listed.success ? listed.output.job.thumbnails : null,
    new Allowance(Number.POSITIVE_INFINITY),
  );
  const owner = onlyOwner(details.outputs);
  if (owner === null || thumbnails.length === 0) return { ...details, unassignedThumbnails: thumbnails };
  const outputs = details.outputs.map((output) =>
    output === owner ? { ...output, thumbnails: [...output.thumbnails, ...thumbnails] } : output,
  );
  return { ...details, outputs, unassignedThumbnails: [] };
}

/**
 * Reads the parsed response of `GET /outputs/:id`, a bare output object.
 *
 * @throws {UnexpectedApiResponse} when it is none.
 */
export function parseOutputDetails(json: unknown): NotifiedOutput {
  const output = parseOutput(json);
  if (output === null)
    throw new UnexpectedApiResponse('expected an output with a numeric id from the Zencoder API');
  return output;
}

function parseAsNotification(json: unknown): Notification {
  try {
    return parseNotification(json);
  } catch (error) {
    if (!(error instanceof NotANotification)) throw error;
    throw new UnexpectedApiResponse('expected a job with its output_media_files from the Zencoder API', {
      cause: error,
    });
  }
}

/** Backup files can belong only to outputs that used the backup server, or to the only output there is. */
function onlyOwner(outputs: readonly NotifiedOutput[]): NotifiedOutput | null {
  const candidates = outputs.length === 1 ? outputs : outputs.filter((output) => output.backupServerUsed);
  return candidates.length === 1 ? (candidates[0] ?? null) : null;
}
