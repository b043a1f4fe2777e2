import type { RecoveryRecord } from '../shared/ledger/records.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import { type Delivery, DONE, leaseOf, type MessageOutcome } from './delivery.ts';
import type { WorkerDependencies } from './dependencies.ts';
import { DeadlinePassed } from './retry-policy.ts';
import { type SettleDependencies, settleOutcomes } from './settle.ts';
import { NoFreshUrl } from './url-refresh.ts';

/**
 * What a redrive does about recoveries that it cannot queue: their records, logs and metrics say why, and those past their
 * deadline are settled.
 */

type Reporting = Pick<WorkerDependencies, 'ledger' | 'logger' | 'meter' | 'now'>;

const WITHOUT_KEY =
  'no message holds its signed URL any more, and no Zencoder API key is configured to get a fresh one: ' +
  'set zencoderApiKeySecretArn and deploy, then redrive; or let Zencoder send the notification again';

/** Reports recoveries that only a fresh URL could help, while no API key is configured to get one. */
export async function reportNoKey(
  left: readonly RecoveryRecord[],
  { ledger, logger, meter, now }: Reporting,
): Promise<MessageOutcome> {
  if (left.length === 0) logger.warn('nothing to redrive', { reason: 'the ledger has no such recovery' });
  for (const record of left) {
    const { role, fileId, state, settledAt, deadline } = record;
    const error = { ...summarizeError(new NoFreshUrl(WITHOUT_KEY)), category: 'action-required' } as const;
    if (settledAt === undefined && deadline > now()) {
      logger.error('at risk', { role, fileId, state, reason: WITHOUT_KEY });
      meter.add('atRiskRecoveries', 1, error.errorClass);
    } else logger.warn('not redriven', { role, fileId, state, reason: WITHOUT_KEY });
    if (settledAt === undefined) await ledger.recoveries.noteError(record, { ...error, at: now() });
  }
  return DONE;
}

/** Reports why the API did not help; recoveries that need action are counted as at risk. */
export async function reportBlocked(
  cause: unknown,
  left: readonly RecoveryRecord[],
  { ledger, logger, meter, now }: Reporting,
): Promise<void> {
  const error = summarizeError(cause);
  logger.warn('redrive blocked', { error });
  if (error.category !== 'action-required') return;
  meter.add('actionRequired', 1, error.errorClass);
  for (const record of left) {
    if (record.settledAt !== undefined) continue;
    if (record.deadline > now()) meter.add('atRiskRecoveries', 1, error.errorClass);
    await ledger.recoveries.noteError(record, { ...error, at: now() });
  }
}

/**
 * Settles an open recovery without a fresh URL as lost, once its deadline has passed: until then a message with a URL that
 * still works may be on its way. A settled one stays as it is.
 */
export async function settleWithoutUrl(
  record: RecoveryRecord,
  reason: string,
  delivery: Delivery,
  dependencies: SettleDependencies,
): Promise<MessageOutcome> {
  const { ledger, logger, meter, now } = dependencies;
  const { role, fileId } = record;
  if (record.settledAt !== undefined) {
    logger.warn('not redriven', { role, fileId, reason });
    return DONE;
  }
  if (record.deadline > now()) {
    const error = summarizeError(new NoFreshUrl(reason));
    logger.error('at risk', { role, fileId, reason });
    meter.add('atRiskRecoveries', 1, error.errorClass);
    await ledger.recoveries.noteError(record, { ...error, category: 'action-required', at: now() });
    return DONE;
  }
  const error = new NoFreshUrl(`${reason}${lastErrorOf(record)}`);
  return await settleLost([record], () => error, delivery, dependencies);
}

/**
 * Settles open recoveries past their deadline, with nothing queued to retry them, as lost. What is settled already stays
 * as it is: Zencoder is not asked for a file that it has removed.
 */
export async function settleOverdue(
  records: readonly RecoveryRecord[],
  delivery: Delivery,
  dependencies: SettleDependencies,
): Promise<MessageOutcome> {
  for (const { role, fileId, settledAt, deadline } of records) {
    const reason = `${expiryOf(deadline)}: Zencoder has removed the file`;
    if (settledAt !== undefined) dependencies.logger.warn('not redriven', { role, fileId, reason });
  }
  const open = records.filter(({ settledAt }) => settledAt === undefined);
  const errorOf = (record: RecoveryRecord) =>
    new DeadlinePassed(
      `${expiryOf(record.deadline)}, and nothing was queued to retry it${lastErrorOf(record)}`,
    );
  return await settleLost(open, errorOf, delivery, dependencies);
}

async function settleLost(
  records: readonly RecoveryRecord[],
  errorOf: (record: RecoveryRecord) => NoFreshUrl | DeadlinePassed,
  delivery: Delivery,
  dependencies: SettleDependencies,
): Promise<MessageOutcome> {
  if (records.length === 0) return DONE;
  const claims = await dependencies.ledger.recoveries.claimExisting(records, leaseOf(delivery));
  const attempts = claims.flatMap(({ outcome, record }) => {
    if (outcome !== 'claimed') return [];
    const failed = { kind: 'failed', key: record.key ?? '', error: errorOf(record) } as const;
    return [{ record, outcome: failed }];
  });
  return await settleOutcomes(attempts, delivery, dependencies);
}

function expiryOf(deadline: number): string {
  return `the signed URL expired at ${new Date(deadline).toISOString()}`;
}

/** The error before, to follow a reason. */
function lastErrorOf({ lastError }: RecoveryRecord): string {
  if (lastError === undefined) return '';
  return `; before, it failed with ${lastError.errorClass}: ${lastError.message}`;
}
