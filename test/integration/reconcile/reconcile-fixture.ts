import { DeleteMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach } from 'vitest';
import type { ReconcileDependencies } from '../../../lambda/reconcile/dependencies.ts';
import { backlogOf, stalledAfterMs } from '../../../lambda/reconcile/open-recoveries.ts';
import { reconcile } from '../../../lambda/reconcile/reconcile.ts';
import {
  encodeMessage,
  type OutputMessage,
  type RecoveryMessage,
} from '../../../lambda/shared/queue/messages.ts';
import { sendMessages } from '../../../lambda/shared/queue/send.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import type { Delivered, Measured } from '../../support/worker.ts';
import { denyBucket, failOutput, recoveryOf, useWorker, worker } from '../../support/worker-fixture.ts';

/** Messages, metrics and log lines of reconcile in this test. */
export let sent: RecoveryMessage[];
export let measured: Measured[];
export let lines: Record<string, unknown>[];

/** Runs a worker and its stand-in for tests of reconcile. */
export function useReconcile(): void {
  useWorker();
  beforeEach(() => {
    // The rate limit counts anew, and Zencoder's notifications have had their time.
    worker.advance(10 * MINUTE_MS);
    worker.use({ api: worker.standIn.api('full') });
    [sent, measured, lines] = [[], [], []];
  });
  afterEach(() => {
    worker.standIn.zencoder.apiOutage = null;
  });
}

export function reconcileDependencies(given: Partial<ReconcileDependencies> = {}): ReconcileDependencies {
  const log =
    (level: string) =>
    (text: unknown, ...details: unknown[]) => {
      lines.push(Object.assign({ level, message: text }, ...details));
    };
  return {
    ledger: worker.ledger,
    api: worker.standIn.api('full'),
    send: async (messages) => {
      sent.push(...messages);
      await sendMessages(worker.messaging.sqs, worker.queueUrl, messages.map(encodeMessage));
    },
    events: worker.dependencies().events,
    backlog: () => backlogOf(worker.messaging.sqs, worker.queueUrl),
    settings: { storage: parseStorageAllowList(worker.standIn.allowed), collectUnsentOutputs: false },
    atRiskMs: 6 * HOUR_MS,
    stalledAfterMs: stalledAfterMs(990),
    meter: { add: (metric, value, by) => void measured.push({ metric, value, by }) },
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    now: worker.now,
    ...given,
  };
}

export const run = (given: Partial<ReconcileDependencies> = {}) =>
  reconcile(reconcileDependencies(given), worker.now() + 5 * MINUTE_MS);

/** Values of a metric in this test. */
export function valuesOf(metric: string): number[] {
  return measured.filter((each) => each.metric === metric).map(({ value }) => value);
}

/** Lets the worker handle the visible messages. */
export async function handleVisible(): Promise<void> {
  while ((await worker.depth()).visible > 0) await worker.next();
}

/** Delivers a message while the bucket denies access, so that its recoveries wait for their next attempt. */
export async function deliverDenied(message: OutputMessage): Promise<Delivered> {
  denyBucket();
  const delivered = await worker.deliver(message);
  worker.s3.setFaults(undefined);
  return delivered;
}

/** Deletes the message of a delivery from the queue. */
export async function drop({ message: { ReceiptHandle } }: Delivered): Promise<void> {
  await worker.messaging.sqs.send(new DeleteMessageCommand({ QueueUrl: worker.queueUrl, ReceiptHandle }));
}

/** A recovery that waits for its next attempt. */
export async function waitingOutput() {
  const { jobId, message } = await failOutput();
  const delivered = await deliverDenied(message);
  const recovery = () => recoveryOf(message);
  return { jobId, delivered, recovery };
}
