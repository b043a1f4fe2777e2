import { setTimeout as pause } from 'node:timers/promises';
import { SendMessageBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { backOffMs } from '../runtime/back-off.ts';
import { RecoveryError } from '../runtime/errors.ts';

/** SQS and SNS take so many messages in one call. */
const MAX_ENTRIES = 10;

/** All messages of one SendMessageBatch together. */
const MAX_BYTES = 1_048_576;

const PARALLEL_BATCHES = 8;
const ATTEMPTS = 3;
const BACK_OFF = { firstMs: 50, maxMs: 200 };

/** The queue refused messages or did not respond. The caller sends all of them again: those already queued are there twice. */
export class MessagesNotQueued extends RecoveryError {
  override readonly name = 'MessagesNotQueued';
  override readonly category = 'transient';
  /** How many messages may not be on the queue. */
  readonly refused: number;

  constructor(refused: number, total: number, reason: string, cause?: unknown) {
    super(`the queue did not take ${refused} of ${total} messages: ${reason}`, { cause });
    this.refused = refused;
  }
}

interface Refusal {
  readonly count: number;
  /** SQS's error code, or the name of the error. */
  readonly reason: string;
  readonly cause?: unknown;
}

/**
 * Puts messages on the queue, up to ten and 1 MiB a call, several calls at a time. Entries that SQS
 * refuses for reasons of its own are sent again a few times; each batch is tried, also after another has failed.
 *
 * @throws {MessagesNotQueued} unless every message is on the queue.
 */
export async function sendMessages(
  client: SQSClient,
  queueUrl: string,
  bodies: readonly string[],
): Promise<void> {
  const batches = inBatches(bodies, (body) => Buffer.byteLength(body), MAX_BYTES);
  const refusals: Refusal[] = [];
  const lane = async () => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const refusal = await sendBatch(client, queueUrl, batch);
      if (refusal !== null) refusals.push(refusal);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL_BATCHES }, lane));
  const [first] = refusals;
  if (first === undefined) return;
  const refused = refusals.reduce((sum, { count }) => sum + count, 0);
  throw new MessagesNotQueued(refused, bodies.length, first.reason, first.cause);
}

/** Splits in order into batches of at most ten, each within so many bytes: the limits of SQS and SNS for one call. */
export function inBatches<T>(items: readonly T[], bytesOf: (item: T) => number, maxBytes: number): T[][] {
  const batches: T[][] = [];
  let current: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = bytesOf(item);
    if (current.length === MAX_ENTRIES || (current.length > 0 && bytes + size > maxBytes)) {
      batches.push(current);
      current = [];
      bytes = 0;
    }
    current.push(item);
    bytes += size;
  }
  if (current.length > 0) batches.push(current);
  return batches;
}

async function sendBatch(
  client: SQSClient,
  queueUrl: string,
  batch: readonly string[],
): Promise<Refusal | null> {
  let entries = batch.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { Failed: failed = [] } = await client.send(
        new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries: entries }),
      );
      if (failed.length === 0) return null;
      const invalid = failed.find((entry) => entry.SenderFault === true);
      if (invalid !== undefined || attempt === ATTEMPTS) {
        return { count: failed.length, reason: (invalid ?? failed[0])?.Code ?? 'no reason given' };
      }
      const again = new Set(failed.map((entry) => entry.Id));
      entries = entries.filter((entry) => again.has(entry.Id));
    } catch (error) {
      // The SDK has tried several times by itself.
      return { count: entries.length, reason: error instanceof Error ? error.name : 'unknown', cause: error };
    }
    await pause(backOffMs(BACK_OFF, { attempts: attempt, jitter: Math.random() }));
  }
}
