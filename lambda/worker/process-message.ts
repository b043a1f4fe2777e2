import { LedgerItemNotUnderstood } from '../shared/ledger/table.ts';
import { reportingUnreadable } from '../shared/ledger/unreadable-reports.ts';
import { parseMessage, type RecoveryMessage } from '../shared/queue/messages.ts';
import { summarizeError } from '../shared/runtime/error-summary.ts';
import { categoryOf } from '../shared/runtime/errors.ts';
import { afterPause, type Delivery, type MessageOutcome } from './delivery.ts';
import type { WorkerDependencies } from './dependencies.ts';
import { handleOutput } from './handle-output.ts';
import { handleRedrive } from './handle-redrive.ts';
import { handleSegment } from './handle-segment.ts';
import type { Invocation } from './invocation.ts';
import type { ReceivedMessage } from './queue.ts';
import { retryAfterOf } from './retry-policy.ts';
import { createFreshUrls, type FreshUrls } from './url-refresh.ts';

/** The dependencies for one delivery: fresh URLs are remembered as long as it lasts. */
type DeliveryDependencies = WorkerDependencies & { readonly freshUrls: FreshUrls };

/**
 * Processes one message from the recovery queue, to its end or to the time at which it is due again.
 *
 * Business outcomes are in the ledger. A message that cannot be understood goes to the dead-letter queue at once, with the
 * reason; after an error of the ledger or of the queue itself the message is redelivered. So it is for a record that
 * cannot be read, until the deadline of the message's files: the record may be corrected.
 *
 * @returns true when the message may be deleted.
 * @example
 * if (!(await processMessage(message, invocation, dependencies))) failedMessageIds.push(message.messageId);
 */
export async function processMessage(
  message: ReceivedMessage,
  invocation: Invocation,
  given: WorkerDependencies,
): Promise<boolean> {
  const { queue, logger, meter, api, storage, now, random } = given;
  logger.resetKeys();
  logger.appendKeys({ messageId: message.messageId });
  const ledger = reportingUnreadable(given.ledger, { logger, meter });
  const dependencies = { ...given, ledger, freshUrls: createFreshUrls(api, storage, now) };
  const delivery = { message, invocation, jitter: random(), evidence: undefined };
  const outcome = await outcomeOf(delivery, dependencies);
  if (outcome.kind === 'done') return true;
  try {
    await queue.setVisibleAt(message, outcome.at);
  } catch (error) {
    // Without it the message is redelivered after the queue's own visibility timeout: later, but not lost.
    logger.warn('visibility not changed', { error: summarizeError(error) });
  }
  return false;
}

/** What becomes of a message once one that no attempt can process is on the dead-letter queue. */
type FinalOutcome = Exclude<MessageOutcome, { readonly kind: 'invalid-input' }>;

async function outcomeOf(delivery: Delivery, dependencies: DeliveryDependencies): Promise<FinalOutcome> {
  const { message } = delivery;
  const { queue, ledger, logger, meter, now } = dependencies;
  let parsed: RecoveryMessage | undefined;
  try {
    parsed = parseMessage(message.body);
    const outcome = await dispatch(parsed, delivery, dependencies);
    if (outcome.kind === 'invalid-input') throw outcome.error;
    return outcome;
  } catch (error) {
    const summary = summarizeError(error);
    if (error instanceof LedgerItemNotUnderstood) ledger.onUnreadable?.(error);
    if (categoryOf(error) !== 'invalid-input' || mayBeCorrected(error, parsed, now())) {
      logger.error('message failed', { error: summary });
      return afterPause(delivery, now(), retryAfterOf(error));
    }
    logger.error('message not understood', { error: summary });
    meter.add('messagesNotUnderstood', 1, summary.errorClass);
    await queue.sendToDeadLetterQueue(message, `${summary.errorClass}: ${summary.message}`);
    return { kind: 'done' };
  }
}

async function dispatch(
  message: RecoveryMessage,
  delivery: Delivery,
  dependencies: DeliveryDependencies,
): Promise<MessageOutcome> {
  const { logger } = dependencies;
  if (message.type === 'redrive') {
    logger.appendKeys({ jobId: message.jobId, outputId: message.outputId });
    return await handleRedrive(message, delivery, dependencies);
  }
  logger.appendKeys({ jobId: message.job.id, outputId: message.output.id });
  const { evidence = delivery.message.messageId } = message;
  return message.type === 'output'
    ? await handleOutput(message, { ...delivery, evidence }, dependencies)
    : await handleSegment(message, { ...delivery, evidence }, dependencies);
}

/** While a file is available, its record may be corrected; its message must be there then. */
function mayBeCorrected(error: unknown, message: RecoveryMessage | undefined, now: number): boolean {
  if (!(error instanceof LedgerItemNotUnderstood) || message === undefined) return false;
  return deadlinesOf(message).some((deadline) => deadline > now);
}

function deadlinesOf(message: RecoveryMessage): number[] {
  if (message.type === 'output') return message.files.map(({ deadline }) => deadline);
  return message.type === 'segment' ? [message.file.deadline] : [];
}
