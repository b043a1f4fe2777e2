import { randomInt } from 'node:crypto';

/** Zencoder's ids have ten digits; these have fifteen, and JSON writes them without loss. */
const FIRST_ID = 900_000_000_000_000;

/** A job that does not exist anywhere else. */
export interface TestJob {
  readonly jobId: string;
  readonly outputId: string;
  /** Body of the notification. */
  readonly body: string;
}

/** The class that a test's primary failure has. */
export const TEST_ERROR_CLASS = 'UploadFailureError';

/**
 * An output notification of a test job whose upload failed: in the shape of a failed output without a backup, or, with a
 * signed URL, of one that is on the backup server.
 *
 * @param now epoch milliseconds.
 */
export function testNotification(url: string | undefined, now: number): TestJob {
  const [job, output] = [freshId(), freshId()];
  const at = new Date(now).toISOString().replace(/\.\d+Z$/, 'Z');
  const link = `https://app.zencoder.com/docs/errors/${TEST_ERROR_CLASS}`;
  const message = 'This is a test by npm run send-test: no upload has failed.';
  const error =
    url === undefined
      ? { state: 'failed', error_link: link, error_message: message }
      : {
          state: 'finished',
          url,
          backup_server_used: true,
          primary_upload_error_link: link,
          primary_upload_error_message: message,
        };
  const body = {
    output: { id: output, label: 'send-test', type: 'standard', ...error },
    job: {
      id: job,
      created_at: at,
      submitted_at: at,
      updated_at: at,
      pass_through: 'zencoder-recovery send-test',
      state: url === undefined ? 'failed' : 'finished',
      test: true,
    },
    input: { id: freshId(), state: 'finished' },
  };
  return { jobId: String(job), outputId: String(output), body: JSON.stringify(body) };
}

function freshId(): number {
  return FIRST_ID + randomInt(2 ** 46);
}
