import type { OutputOfJob } from '../../lambda/shared/ledger/new-recoveries.ts';
import type { ClaimedRecovery, RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { HOUR_MS } from '../../lambda/shared/runtime/durations.ts';
import type { BackupFile, PrimaryFailure } from '../../lambda/shared/zencoder/model.ts';
import { aFailure, aFile, aLease, anError, anOutput, asRecovered, NOW } from './ledger-data.ts';
import type { DatedLedger } from './ledger-table.ts';
import { openRecoveries } from './open-recoveries.ts';

/** Failed uploads in the ledger as the worker would have left them, for tests of the dashboard. */

/** What a test says of one output; the rest is plausible. */
export interface FailedOutput {
  readonly jobId?: string;
  readonly outputId?: string;
  readonly label?: string | null;
  readonly passThrough?: string | null;
  readonly test?: boolean;
  readonly failedAt?: number;
  readonly failure?: Partial<PrimaryFailure>;
  readonly file?: Partial<BackupFile> & { readonly name?: string };
}

/** Records a failed upload of an output, without any backup file. */
export async function failUpload(ledger: DatedLedger, given: FailedOutput = {}): Promise<OutputOfJob> {
  const { job, output, failedAt } = anOutput({ failedAt: NOW - HOUR_MS, ...given });
  const context = {
    job: {
      ...job,
      ...(given.passThrough !== undefined && { passThrough: given.passThrough }),
      ...(given.test !== undefined && { test: given.test }),
    },
    output: { ...output, ...(given.label !== undefined && { label: given.label }) },
    failedAt,
  };
  await ledger.failures.record({ ...context, failures: [aFailure(given.failure)] });
  return context;
}

/** A failed upload whose file waits to be recovered. */
export async function waiting(ledger: DatedLedger, given: FailedOutput = {}): Promise<RecoveryRecord> {
  const context = await failUpload(ledger, given);
  const [record] = await openRecoveries(ledger, context, [fileOf(given)], NOW);
  if (record === undefined) throw new Error('nothing was opened');
  return record;
}

/** A failed upload whose file is being copied. */
export async function copying(
  ledger: DatedLedger,
  given: FailedOutput & { readonly bytesDone?: number } = {},
): Promise<ClaimedRecovery> {
  const context = await failUpload(ledger, given);
  const file = fileOf(given);
  const [claim] = await ledger.recoveries.claim(
    context,
    [{ ...file, key: `1/${file.filename}` }],
    aLease('worker'),
  );
  if (claim?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claim?.outcome}`);
  const { bytesDone } = given;
  if (bytesDone !== undefined) {
    await ledger.recoveries.saveProgress(claim.record, { bytesDone, bytesTotal: 1000 });
  }
  return claim.record;
}

/** A failed upload whose file is in the bucket. */
export async function recovered(ledger: DatedLedger, given: FailedOutput = {}): Promise<ClaimedRecovery> {
  const record = await copying(ledger, given);
  await ledger.recoveries.settle([asRecovered(record)]);
  return record;
}

/** A failed upload whose file is lost, or whose recovery failed. */
export async function gone(
  ledger: DatedLedger,
  state: 'lost' | 'failed',
  given: FailedOutput = {},
): Promise<ClaimedRecovery> {
  const record = await copying(ledger, given);
  const error = anError({ errorClass: 'SourceExpired', category: 'lost', message: 'the signed URL ended' });
  await ledger.recoveries.settle([{ record, settlement: { state, error } }]);
  return record;
}

/** A failed upload whose file the customer's own bucket refuses. */
export async function refusedByBucket(
  ledger: DatedLedger,
  given: FailedOutput = {},
): Promise<ClaimedRecovery> {
  const record = await copying(ledger, given);
  await ledger.recoveries.release([{ record, error: anError(), nextAttemptAt: NOW + HOUR_MS }]);
  return record;
}

/** What a person sees of a page: its text without tags, spaces collapsed. */
export function textOf(html: string): string {
  return html
    .replace(/<(script|style)[\s\S]*?<\/\1>/g, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ');
}

/** The `href` of the link with this text. */
export function linkIn(html: string, text: string): string {
  const found = new RegExp(`<a [^>]*href="([^"]*)"[^>]*>\\s*${text}`).exec(html)?.[1];
  if (found === undefined) throw new Error(`no link "${text}"`);
  return found.replaceAll('&amp;', '&');
}

function fileOf({ file }: FailedOutput): BackupFile {
  return aFile({ deadline: NOW + 20 * HOUR_MS, ...file });
}
