import { meaningOf } from '../shared/errors.ts';
import { parseMessage } from '../shared/message.ts';
import { afterPause, type MessageOutcome, type WorkerContext, type WorkerInvocation } from './context.ts';
import { createFreshUrls } from './fresh-urls.ts';
import { recoverOutput } from './recover-output.ts';
import { recoverSegment } from './recover-segment.ts';
import { redrive } from './redrive.ts';
import { noteOf, retryAfterOf } from './verdict.ts';

/**
 * Handles one message from the recovery queue, to its end or till the time that it is due again.
 *
 * Business outcomes are in the ledger. A message that makes no sense goes to the dead-letter queue at once, with the
 * reason; a fault of the ledger or of the queue itself leaves the message to come back.
 *
 * @returns true when the message may be deleted.
 */
export async function handleMessage(given: WorkerInvocation): Promise<boolean> {
  const { message, queue, logger, api, storage, now, random } = given;
  logger.resetKeys();
  logger.appendKeys({ messageId: message.messageId });
  const context = { ...given, freshUrls: createFreshUrls(api, storage, now), spread: random() };
  const outcome = await process(context);
  if (outcome.kind === 'done') return true;
  try {
    await queue.comeBackAt(message, outcome.at);
  } catch (error) {
    // Without it the message comes back after the queue's own visibility timeout: later, but not lost.
    logger.warn('visibility not changed', { fault: noteOf(error) });
  }
  return false;
}

async function process(context: WorkerContext): Promise<MessageOutcome> {
  const { message, queue, logger, meter } = context;
  try {
    const parsed = parseMessage(message.body);
    if (parsed.type === 'redrive') {
      logger.appendKeys({ jobId: parsed.jobId, outputId: parsed.outputId });
      return await redrive(parsed, context);
    }
    logger.appendKeys({ jobId: parsed.job.id, outputId: parsed.output.id });
    return parsed.type === 'output'
      ? await recoverOutput(parsed, context)
      : await recoverSegment(parsed, context);
  } catch (error) {
    const note = noteOf(error);
    if (meaningOf(error) !== 'not-understood') {
      logger.error('message failed', { fault: note });
      return afterPause(context, retryAfterOf(error));
    }
    logger.error('message not understood', { fault: note });
    meter.put('messagesNotUnderstood', 1, note.errorClass);
    await queue.bury(message, `${note.errorClass}: ${note.message}`);
    return { kind: 'done' };
  }
}
