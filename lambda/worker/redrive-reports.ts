import { meaningOf } from '../shared/errors.ts';
import { claimRecoveries } from '../shared/ledger/claims.ts';
import type { RecoveryRecord } from '../shared/ledger/records.ts';
import { noteError } from '../shared/ledger/reopenings.ts';
import { DONE, leaseOf, type MessageOutcome, type WorkerContext } from './context.ts';
import { DeadlinePassed } from './copy-file.ts';
import { NoFreshUrl } from './fresh-urls.ts';
import { settleOutcomes } from './settle.ts';
import { noteOf } from './verdict.ts';

/** What a person can do about it. */
const WITHOUT_KEY =
  'no message holds its signed URL any more, and no Zencoder API key is configured to get a fresh one: ' +
  'set zencoderApiKeySecretArn and deploy, then redrive; or let Zencoder send the notification again';

/** Says of recoveries that only a fresh URL could help, and that there is no way to ask for one. */
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
    const isOpen = record.settledAt === undefined;
    if (isOpen && record.deadline > now()) {
      logger.error('at risk', { role, fileId, state, reason: WITHOUT_KEY });
      meter.put('atRiskRecoveries', 1, error.errorClass);
    } else logger.warn('not redriven', { role, fileId, state, reason: WITHOUT_KEY });
    if (isOpen) await noteError(table, record, error);
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
    if (record.deadline > now()) meter.put('atRiskRecoveries', 1, fault.errorClass);
    await noteError(table, record, { ...fault, at: now() });
  }
}

/**
 * Settles an open recovery whose file is out of reach as lost, once its deadline has passed: until then a message with a
 * URL that still holds may be on its way. One that is settled stays as it is.
 */
export async function giveUp(
  record: RecoveryRecord,
  why: string,
  context: WorkerContext,
): Promise<MessageOutcome> {
  const { table, logger, meter, now } = context;
  const { role, fileId } = record;
  if (record.settledAt !== undefined) {
    logger.warn('not redriven', { role, fileId, reason: why });
    return DONE;
  }
  if (record.deadline > now()) {
    const fault = noteOf(new NoFreshUrl(why));
    logger.error('at risk', { role, fileId, reason: why });
    meter.put('atRiskRecoveries', 1, fault.errorClass);
    await noteError(table, record, { ...fault, meaning: 'customer-must-act', at: now() });
    return DONE;
  }
  return await settleLost([record], () => new NoFreshUrl(`${why}${lastErrorOf(record)}`), context);
}

/**
 * Settles open recoveries as lost whose deadline is over, and that no message will wake. What is settled already stays
 * as it is: Zencoder is not asked for a file that it has removed.
 */
export async function settleOverdue(
  records: readonly RecoveryRecord[],
  context: WorkerContext,
): Promise<MessageOutcome> {
  for (const { role, fileId, settledAt, deadline } of records) {
    const reason = `${endOf(deadline)}: Zencoder has removed the file`;
    if (settledAt !== undefined) context.logger.warn('not redriven', { role, fileId, reason });
  }
  const open = records.filter(({ settledAt }) => settledAt === undefined);
  const why = (record: RecoveryRecord) =>
    `${endOf(record.deadline)}, and no message was left to try again${lastErrorOf(record)}`;
  return await settleLost(open, (record) => new DeadlinePassed(why(record)), context);
}

async function settleLost(
  records: readonly RecoveryRecord[],
  reasonOf: (record: RecoveryRecord) => NoFreshUrl | DeadlinePassed,
  context: WorkerContext,
): Promise<MessageOutcome> {
  if (records.length === 0) return DONE;
  const claims = await claimRecoveries(context.table, records, leaseOf(context), context.now());
  const attempts = claims.flatMap(({ outcome, record }) => {
    if (outcome !== 'claimed') return [];
    const key = record.key ?? '';
    return [{ task: { key, record }, outcome: { kind: 'fault', key, error: reasonOf(record) } as const }];
  });
  return await settleOutcomes(attempts, context);
}

function endOf(deadline: number): string {
  return `the signed URL ended at ${new Date(deadline).toISOString()}`;
}

/** What happened before, to go behind a reason. */
function lastErrorOf({ lastError }: RecoveryRecord): string {
  if (lastError === undefined) return '';
  return `; before, it failed with ${lastError.errorClass}: ${lastError.message}`;
}

/** A reason in place of a URL. */
export function sayWhy(error: unknown): { readonly why: string } {
  return { why: noteOf(error).message };
}
