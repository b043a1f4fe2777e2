import { CHECKS, type CheckResult } from '../shared/runtime/preflight.ts';
import { redact } from '../shared/runtime/redact.ts';
import type { Downloads } from './actions.ts';

const FETCH_MS = 10_000;

/** Characters of a response that are read for its code and message. */
const RESPONSE_CHARACTERS = 4096;

/**
 * Downloads an object by a link as the pages make them, so that a preflight meets what a browser meets: links are signed
 * without a request, and only S3 says whether the role may read. Never throws: an error is a result.
 */
export async function checkDownload(
  downloads: Downloads,
  object: { readonly bucket: string; readonly key: string },
): Promise<CheckResult> {
  const { bucket } = object;
  try {
    const link = await downloads.urlOf({ ...object, filename: 'probe' });
    const response = await fetch(link, { redirect: 'manual', signal: AbortSignal.timeout(FETCH_MS) });
    const text = (await response.text()).slice(0, RESPONSE_CHARACTERS);
    if (response.status === 200) return resultOf('passed', null);
    const code = /<Code>([A-Za-z.]{1,60})<\/Code>/.exec(text)?.[1];
    const said = [response.status, code].filter((part) => part !== undefined).join(' ');
    return resultOf('failed', {
      errorClass: 'DownloadRefused',
      message:
        `bucket ${bucket} returned ${said} to a link of the dashboard: grant the role in the output DashboardRoleArn ` +
        's3:GetObject in the bucket policy, and kms:Decrypt in the policy of its key',
      answer: redact(/<Message>([^<]{1,1000})<\/Message>/.exec(text)?.[1] ?? '') || null,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.name : 'unknown';
    const message = `a link of the dashboard to bucket ${bucket} could not be fetched: ${reason}`;
    return resultOf('failed', { errorClass: 'DownloadFailed', message, answer: null });
  }
}

function resultOf(
  outcome: CheckResult['outcome'],
  error: Pick<CheckResult, 'errorClass' | 'message' | 'answer'> | null,
): CheckResult {
  const none = { errorClass: null, message: null, answer: null };
  return { name: 'download', ...CHECKS.download, outcome, ...(error ?? none) };
}
