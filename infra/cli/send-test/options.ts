import { quoted, readOptions, UsageError } from '../command.ts';
import { STACK_HELP, STACK_OPTIONS } from '../target.ts';
import { parseDuration } from '../time.ts';

export const HELP = `Usage: npm run send-test -- [options]

Posts a notification to the deployed URL as Zencoder does (HTTP/1.1, JSON) and follows it to its end in the ledger:
shows that address, credentials, queue, worker and ledger work together. The job is a made-up test job with an id far
beyond Zencoder's, whose upload is said to have failed without a backup; its record is removed from the ledger
afterwards. An event that the topic does not take within seconds is said to be owed, and its record stays.

  --url URL         the signed URL of a file on Zencoder's storage: the test then includes the copy into your bucket,
                    and file and records stay
  --header          authenticate by X-Zencoder-Notification-Secret instead of the credentials in the URL
  --keep            keep the record in the ledger
  --timeout TIME    give up after (default: 2m)
  --json            one JSON object

${STACK_HELP}
Exit codes: 0 it ended as it should, 1 failed, 2 not understood, 3 the stack refused it, lost the file (as when its URL
is refused) or was not done in time (as when the file is missing, which the stack looks for longer than this command).

Examples:
  npm run send-test
  npm run send-test -- --local
  npm run send-test -- --url 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o/20261122/…?X-Amz-…'
`;

export interface SendTestOptions {
  /** Signed URL of a backup file. */
  readonly url?: string;
  readonly byHeader: boolean;
  readonly keep: boolean;
  /** Milliseconds. */
  readonly timeout: number;
  readonly json: boolean;
  readonly target: { readonly stack?: string; readonly local?: boolean };
}

/**
 * Reads the command line.
 *
 * @throws {UsageError}
 */
export function sendTestOptions(argv: readonly string[]): SendTestOptions {
  const { url, header, keep, timeout, json, ...target } = readOptions(argv, {
    url: { type: 'string' },
    header: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    timeout: { type: 'string', default: '2m' },
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const milliseconds = parseDuration(timeout);
  if (milliseconds === null)
    throw new UsageError(`--timeout must be such as 90s or 5m, not ${quoted(timeout)}`);
  // Not repeated in the message: it is a credential.
  if (url !== undefined && URL.parse(url) === null)
    throw new UsageError('--url must be the whole signed URL, in quotes');
  return {
    ...(url !== undefined && { url }),
    ...{ byHeader: header, keep, timeout: milliseconds, json, target },
  };
}
