import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import * as v from 'valibot';
import { createEventPublisher } from '../shared/events/publisher.ts';
import { createLedger } from '../shared/ledger/ledger.ts';
import { expectOwner } from '../shared/runtime/bucket-owner.ts';
import { clientLimits } from '../shared/runtime/client-limits.ts';
import { parseEnvironment } from '../shared/runtime/environment.ts';
import { createMeter } from '../shared/runtime/metrics.ts';
import {
  type KEEP_PROBE_EVENT,
  type PASSED_EVENT,
  type PREFLIGHT_EVENT,
  type PreflightReport,
  type Probe,
  type RemoveProbeEvent,
  removeProbeEvent,
} from '../shared/runtime/preflight.ts';
import { zencoderApiOf } from '../shared/zencoder/api-key.ts';
import { createCopyEngine } from './copy/engine.ts';
import { createBucketClient } from './copy/s3-client.ts';
import { addWriteHeaders } from './copy/write-headers.ts';
import type { WorkerDependencies } from './dependencies.ts';
import { workerEnvironment } from './environment.ts';
import { invocationOf } from './invocation.ts';
import { runPreflight } from './preflight/preflight.ts';
import { keepProbe, removeProbe } from './preflight/probe.ts';
import { processMessage } from './process-message.ts';
import { createRecoveryQueue } from './queue.ts';

const environment = parseEnvironment(workerEnvironment);
const logger = new Logger();
const meter = createMeter(new Metrics());
const now = () => Date.now();
const client = createBucketClient();
expectOwner(client, () => environment.BUCKET_OWNER || undefined);
addWriteHeaders(client, { kmsKeyArn: environment.BUCKET_KMS_KEY_ARN, acl: environment.OBJECT_ACL });
// What a topic does not accept stays owed, and the end of an invocation is near when its files are settled.
const sns = new SNSClient(clientLimits({ requestMs: 3_000, attempts: 2 }));

const events = createEventPublisher(sns, environment.EVENTS_TOPIC_ARN);

const dependencies: WorkerDependencies = {
  ledger: createLedger({
    client: new DynamoDBClient(clientLimits()),
    tableName: environment.TABLE_NAME,
    recordTtlDays: environment.RECORD_TTL_DAYS,
    now,
  }),
  engine: createCopyEngine({
    client,
    bucket: environment.BUCKET_NAME,
    bufferBytes: environment.BUFFER_BYTES,
    segmentBytes: environment.SEGMENT_BYTES,
  }),
  queue: createRecoveryQueue({
    sqs: new SQSClient(clientLimits()),
    queueUrl: environment.QUEUE_URL,
    deadLetterQueueUrl: environment.DEAD_LETTER_QUEUE_URL,
    now,
  }),
  bucket: environment.BUCKET_NAME,
  keyTemplate: environment.KEY_TEMPLATE,
  storage: environment.ZENCODER_STORAGE,
  api: zencoderApiOf(environment),
  events,
  meter,
  logger,
  now,
  random: Math.random,
};

type PreflightEvent =
  | typeof PREFLIGHT_EVENT
  | typeof KEEP_PROBE_EVENT
  | RemoveProbeEvent
  | typeof PASSED_EVENT;

/** Takes an SQS batch and returns the messages to redeliver; or takes an operator's preflight request and returns its report. */
export async function handler(
  event: SQSEvent | PreflightEvent,
  lambda: Context,
): Promise<SQSBatchResponse | PreflightReport | Probe | null> {
  logger.addContext(lambda);
  if ('preflight' in event) return await respondToOperator(event);
  const invocation = invocationOf(lambda.awsRequestId, now(), lambda.getRemainingTimeInMillis());
  const failedMessageIds: string[] = [];
  try {
    for (const record of event.Records) {
      const { messageId, body, receiptHandle, attributes } = record;
      const receiveCount = Number(attributes.ApproximateReceiveCount);
      const message = { messageId, body, receiptHandle, receiveCount };
      const isDone = await processMessage(message, invocation, dependencies);
      if (!isDone) failedMessageIds.push(messageId);
    }
  } finally {
    meter.flush();
  }
  return { batchItemFailures: failedMessageIds.map((itemIdentifier) => ({ itemIdentifier })) };
}

async function respondToOperator(event: PreflightEvent): Promise<PreflightReport | Probe | null> {
  const bucket = environment.BUCKET_NAME;
  if (event.preflight === true) return await runPreflight({ client, bucket, events, now });
  if (event.preflight === 'keep') return await keepProbe(client, bucket);
  if (event.preflight === 'passed') {
    await dependencies.ledger.latest.notePreflight(bucket);
    return null;
  }
  await removeProbe(client, bucket, v.parse(removeProbeEvent, event).key);
  return null;
}
