import { meaningOf } from '../shared/errors.ts';
import { claimRecoveries } from '../shared/ledger/claims.ts';
import type { RecoveryRecord } from '../shared/ledger/records.ts';
import { noteError } from '../shared/ledger/reopenings.ts';
import { DONE, leaseOf, type MessageOutcome, type WorkerContext } from './context.ts';
import { NoFreshUrl } from './fresh-urls.ts';
import { settleOutcomes } from './settle.ts';
import { noteOf } from './verdict.ts';

/** What a person can do about it. */
const WITHOUT_KEY =
  'no message holds its signed URL any more, and no Zencoder API key is configured to get a fresh one: ' +
  'set zencoderApiKeySecretArn and deploy, then redrive; or let Zencoder send the notification again';

/** Says of recoveries that only a fresh URL could help, and that there is nobody to ask for one. */
export async function reportNoKey(
  left: readonly RecoveryRecord[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { table, logger, meter, now } = context;
  if (left.length === 0) logger.warn('nothing to redrive', { reason: 'the ledger has no such recovery' });
  for (const record of left) {
    const { role, fileId, state } = record;
    const error = {
      ...noteOf(new NoFreshUrl(WITHOUT_KEY)),
      meaning: 'customer-must-act',
      at: now(),
    } as const;
    logger.error('at risk', { role, fileId, state, reason: WITHOUT_KEY });
    // What has been lost before is alarmed already.
    if (record.settledAt !== undefined) continue;
    meter.put('atRiskRecoveries', 1, error.errorClass);
    await noteError(table, record, error);
  }
  return DONE;
}

/** Says of recoveries why the API did not help; those that only a person can help are counted as at risk. */
export async function reportBlocked(
  error: unknown,
  left: readonly RecoveryRecord[],
  { table, logger, meter, now }: WorkerContext,
): Promise<void> {
  const fault = noteOf(error);
  logger.warn('redrive blocked', { fault });
  if (meaningOf(error) !== 'customer-must-act') return;
  meter.put('customerMustAct', 1, fault.errorClass);
  for (const record of left) {
    if (record.settledAt !== undefined) continue;
    meter.put('atRiskRecoveries', 1, fault.errorClass);
    await noteError(table, record, { ...fault, at: now() });
  }
}

/**
 * Settles an open recovery whose file is out of reach as lost, once its deadline has passed: until then a message with a
 * URL that still holds may be on its way. One that is settled stays as it is.
 */
export async function giveUp(record: RecoveryRecord, why: string, context: WorkerContext): Promise<void> {
  const { table, logger, meter, now } = context;
  const { role, fileId, lastError } = record;
  if (record.settledAt !== undefined) {
    logger.warn('not redriven', { role, fileId, reason: why });
    return;
  }
  if (record.deadline > now()) {
    const fault = noteOf(new NoFreshUrl(why));
    logger.error('at risk', { role, fileId, reason: why });
    meter.put('atRiskRecoveries', 1, fault.errorClass);
    await noteError(table, record, { ...fault, meaning: 'customer-must-act', at: now() });
    return;
  }
  const [claim] = await claimRecoveries(table, [record], leaseOf(context), now());
  if (claim?.outcome !== 'claimed') return;
  const key = record.key ?? '';
  const last =
    lastError === undefined ? '' : `; before, it failed with ${lastError.errorClass}: ${lastError.message}`;
  const outcome = { kind: 'fault', key, error: new NoFreshUrl(`${why}${last}`) } as const;
  await settleOutcomes([{ task: { key, record: claim.record }, outcome }], context);
}

/** A reason in place of a URL. */
export function sayWhy(error: unknown): { readonly why: string } {
  return { why: noteOf(error).message };
}
