import { Logger } from '@aws-lambda-powertools/logger';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { parseEnvironment } from '../shared/environment.ts';
import { createBucketClient } from './copy/bucket-client.ts';
import { createCopyEngine } from './copy/engine.ts';
import { workerEnvironment } from './environment.ts';
import { invocationOf } from './invocation.ts';
import { createRecoveryQueue } from './queue.ts';
import { handleMessage } from './worker.ts';

const environment = parseEnvironment(workerEnvironment);
const logger = new Logger();
const now = () => Date.now();

const tools = {
  table: {
    client: new DynamoDBClient({}),
    tableName: environment.TABLE_NAME,
    recordTtlDays: environment.RECORD_TTL_DAYS,
  },
  engine: createCopyEngine({
    client: createBucketClient(),
    bucket: environment.BUCKET_NAME,
    bufferBytes: environment.BUFFER_BYTES,
    segmentBytes: environment.SEGMENT_BYTES,
  }),
  queue: createRecoveryQueue({
    sqs: new SQSClient({}),
    queueUrl: environment.QUEUE_URL,
    deadLetterQueueUrl: environment.DEAD_LETTER_QUEUE_URL,
    now,
  }),
  bucket: environment.BUCKET_NAME,
  keyTemplate: environment.KEY_TEMPLATE,
  storage: environment.ZENCODER_STORAGE,
  logger,
  now,
  random: Math.random,
};

/** SQS batch in, the messages that are to come back out. */
export async function handler(event: SQSEvent, lambda: Context): Promise<SQSBatchResponse> {
  logger.addContext(lambda);
  const invocation = invocationOf(lambda.awsRequestId, now(), lambda.getRemainingTimeInMillis());
  const comeBack: string[] = [];
  for (const record of event.Records) {
    const { messageId, body, receiptHandle, attributes } = record;
    const message = { body, receiptHandle, receiveCount: Number(attributes.ApproximateReceiveCount) };
    const isDone = await handleMessage(message, { ...tools, invocation });
    if (!isDone) comeBack.push(messageId);
  }
  return { batchItemFailures: comeBack.map((itemIdentifier) => ({ itemIdentifier })) };
}
