import { reporting } from '../shared/ledger/noting.ts';
import { LedgerItemNotUnderstood } from '../shared/ledger/table.ts';
import { parseMessage, type RecoveryMessage } from '../shared/queue/messages.ts';
import { categoryOf } from '../shared/runtime/errors.ts';
import {
  afterPause,
  type MessageOutcome,
  type WorkerContext,
  type WorkerInvocation,
} from './dependencies.ts';
import { recoverOutput } from './handle-output.ts';
import { redrive } from './handle-redrive.ts';
import { recoverSegment } from './handle-segment.ts';
import { retryAfterOf, summarizeError } from './retry-policy.ts';
import { createFreshUrls } from './url-refresh.ts';

/**
 * Handles one message from the recovery queue, to its end or till the time that it is due again.
 *
 * Business outcomes are in the ledger. A message that makes no sense goes to the dead-letter queue at once, with the
 * reason; a fault of the ledger or of the queue itself leaves the message to come back. So does a record that cannot be
 * read, until the deadline of the message's files: it may be corrected.
 *
 * @returns true when the message may be deleted.
 */
export async function handleMessage(given: WorkerInvocation): Promise<boolean> {
  const { message, queue, logger, api, storage, now, random } = given;
  logger.resetKeys();
  logger.appendKeys({ messageId: message.messageId });
  const ledger = reporting(given.ledger, given);
  const freshUrls = createFreshUrls(api, storage, now);
  const context = { ...given, ledger, freshUrls, jitter: random(), evidence: undefined };
  const outcome = await process(context);
  if (outcome.kind === 'done') return true;
  try {
    await queue.setVisibleAt(message, outcome.at);
  } catch (error) {
    // Without it the message comes back after the queue's own visibility timeout: later, but not lost.
    logger.warn('visibility not changed', { fault: summarizeError(error) });
  }
  return false;
}

type Settled = Exclude<MessageOutcome, { readonly kind: 'invalid-input' }>;

async function process(context: WorkerContext): Promise<Settled> {
  const { message, queue, logger, meter, ledger, now } = context;
  let parsed: RecoveryMessage | undefined;
  try {
    parsed = parseMessage(message.body);
    const outcome = await dispatch(parsed, context);
    if (outcome.kind === 'invalid-input') throw outcome.error;
    return outcome;
  } catch (error) {
    const note = summarizeError(error);
    if (error instanceof LedgerItemNotUnderstood) ledger.onUnreadable?.(error);
    if (categoryOf(error) !== 'invalid-input' || mayBeCorrected(error, parsed, now())) {
      logger.error('message failed', { fault: note });
      return afterPause(context, retryAfterOf(error));
    }
    logger.error('message not understood', { fault: note });
    meter.add('messagesNotUnderstood', 1, note.errorClass);
    await queue.toDeadLetters(message, `${note.errorClass}: ${note.message}`);
    return { kind: 'done' };
  }
}

async function dispatch(message: RecoveryMessage, context: WorkerContext): Promise<MessageOutcome> {
  const { logger } = context;
  if (message.type === 'redrive') {
    logger.appendKeys({ jobId: message.jobId, outputId: message.outputId });
    return await redrive(message, context);
  }
  logger.appendKeys({ jobId: message.job.id, outputId: message.output.id });
  const { evidence = context.message.messageId } = message;
  return message.type === 'output'
    ? await recoverOutput(message, { ...context, evidence })
    : await recoverSegment(message, { ...context, evidence });
}

/** While a file is to be had, its record may be corrected; its message must be there then. */
function mayBeCorrected(error: unknown, message: RecoveryMessage | undefined, now: number): boolean {
  if (!(error instanceof LedgerItemNotUnderstood) || message === undefined) return false;
  return deadlinesOf(message).some((deadline) => deadline > now);
}

function deadlinesOf(message: RecoveryMessage): number[] {
  if (message.type === 'output') return message.files.map(({ deadline }) => deadline);
  return message.type === 'segment' ? [message.file.deadline] : [];
}
