import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { vi } from 'vitest';
import { type S3Server, startS3 } from '../../infra/local/aws/s3/server.ts';
import { type Clock, createClock } from '../../infra/local/clock.ts';
import type { OutputRequest } from '../../infra/local/zencoder/job.ts';
import type { RecoveryEvent } from '../../lambda/shared/events/events.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { METRICS, type MetricKey } from '../../lambda/shared/runtime/metrics.ts';
import { outputOf, type RunningStack, startRunningStack } from './running-stack.ts';
import { openStandIn, type StandIn } from './zencoder-stand-in.ts';

const SECRET = 'zencoder-api-key';
const metricLine = v.looseObject({ _aws: v.object({ Timestamp: v.number() }), service: v.string() });

/** The whole stack with a Zencoder and a bucket of the customer's, all on one clock that the test moves. */
export interface ReliableStack extends RunningStack {
  readonly clock: Clock;
  readonly standIn: StandIn;
  /** S3 with the customer's bucket; its faults are the test's to set. */
  readonly destination: S3Server;
  /** A job whose uploads fail, notified to the stack unless Zencoder withholds it. */
  readonly failedJob: (...outputs: Partial<OutputRequest>[]) => Promise<string>;
  /**
   * Waits until the only recovery of a job is as the test says; fails with what it is. Time goes on meanwhile: after a
   * second of waiting the clock runs a hundred times as fast as the machine's, since a message may have been hidden by a
   * function that did not know yet that the test had moved the clock.
   */
  readonly recovery: (jobId: string, isSo: (record: RecoveryRecord) => boolean) => Promise<RecoveryRecord>;
  /** Values of a metric that a function has written so far, the oldest first. */
  readonly metric: (service: 'worker' | 'reconcile', metric: MetricKey, by?: string) => number[];
  /** Every line that the functions have logged so far. */
  readonly lines: () => string[];
  /** Events published since the last call. */
  readonly events: () => Promise<RecoveryEvent[]>;
}

/**
 * @param access what the stack's Zencoder API key may do; null for a stack without a key.
 * @param variables to set in every function.
 */
export async function startReliableStack(
  access: 'full' | 'read-only' | null,
  variables: Readonly<Record<string, string>> = {},
): Promise<ReliableStack> {
  const clock = createClock();
  const dir = await mkdtemp(join(tmpdir(), 'destination-'));
  const [standIn, destination] = await Promise.all([
    openStandIn({ now: clock.now }),
    startS3({ dir, now: clock.now }),
  ]);
  const api = { ZENCODER_API_KEY_SECRET_ARN: SECRET, ZENCODER_API_URL: standIn.zencoder.apiUrl };
  const storage = { ...variables, ZENCODER_STORAGE: standIn.allowed };
  const withApi = { ...storage, ...(access === null ? {} : api) };
  const running = await startRunningStack({
    clock,
    env: { AWS_ENDPOINT_URL_S3: destination.origin },
    environment: { ingest: storage, worker: withApi, reconcile: withApi, dashboard: variables },
  });
  const { stack } = running;
  const { secretsManager, sns, sqs } = stack.clients;
  const key = standIn.zencoder.apiKeys.find((known) => known.access === access)?.key;
  if (key !== undefined) {
    await secretsManager.send(new CreateSecretCommand({ Name: SECRET, SecretString: key }));
  }
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'subscriber' }));
  const subscriberUrl = `${stack.endpoints.sqs}${new URL(QueueUrl ?? '').pathname}`;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: subscriberUrl, AttributeNames: ['QueueArn'] }),
  );
  await sns.send(
    new SubscribeCommand({
      TopicArn: outputOf(stack, 'EventsTopicArn'),
      Protocol: 'sqs',
      Endpoint: Attributes.QueueArn,
      Attributes: { RawMessageDelivery: 'true' },
    }),
  );

  const lines = () => stack.functions.names.flatMap((name) => stack.functions.logs(name));
  return {
    ...running,
    clock,
    standIn,
    destination,
    lines,
    failedJob: async (...outputs) => {
      const { job, delivered } = await standIn.zencoder.createJob({
        passThrough: 'asset:1',
        notificationUrls: [stack.notificationUrl],
        outputs: (outputs.length === 0 ? [{}] : outputs).map((output, index) => ({
          label: `output ${index}`,
          url: `ftp://render:n0t-real@media.acme.invalid/${index}.mp4`,
          file: new URL('../fixtures/media/clip.mp4', import.meta.url),
          ...output,
        })),
      });
      await delivered;
      return String(job.id);
    },
    recovery: (jobId, isSo) => {
      let polls = 0;
      return vi.waitFor(
        async () => {
          if (++polls > 20) clock.advance(100 * 50);
          const { recoveries } = await running.job(jobId);
          const [record] = recoveries;
          if (record !== undefined && recoveries.length === 1 && isSo(record)) return record;
          throw new Error(`not so: ${JSON.stringify(recoveries, null, 2)}`);
        },
        { timeout: 60_000, interval: 50 },
      );
    },
    metric: (service, metric, by) =>
      stack.functions.logs(service).flatMap((line) => {
        const parsed = v.safeParse(metricLine, jsonOf(line));
        if (!parsed.success || (by !== undefined && parsed.output.ErrorClass !== by)) return [];
        const value = parsed.output[METRICS[metric].name];
        return [value].flat().filter((each) => typeof each === 'number');
      }),
    events: async () => {
      const events: RecoveryEvent[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({ QueueUrl: subscriberUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
        );
        if (Messages.length === 0) return events;
        events.push(...Messages.map(({ Body = '' }): RecoveryEvent => JSON.parse(Body)));
        const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
        await sqs.send(new DeleteMessageBatchCommand({ QueueUrl: subscriberUrl, Entries }));
      }
    },
    close: async () => {
      await running.close();
      await Promise.all([standIn.close(), destination.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
