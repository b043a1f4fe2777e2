import {
  CreateTopicCommand,
  PublishBatchCommand,
  PublishCommand,
  SNSClient,
  SubscribeCommand,
} from '@aws-sdk/client-sns';
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMessagingApp } from '../../../../infra/local/aws/messaging-app.ts';
import { DAY_MS } from '../../../../lambda/shared/runtime/durations.ts';

let running: AsyncDisposableStack;
let sqs: SQSClient;
let sns: SNSClient;

beforeEach(async () => {
  running = new AsyncDisposableStack();
  vi.useFakeTimers({ toFake: ['Date'] });
  running.defer(() => void vi.useRealTimers());
  await start({});
});

afterEach(() => running.disposeAsync());

async function start(options: { maxInFlight?: number }): Promise<void> {
  const app = await createMessagingApp(options);
  running.defer(() => app.close());
  const endpoint = await app.listen({ port: 0, host: '127.0.0.1' });
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  sqs = new SQSClient({ endpoint, region: 'us-east-1', credentials, useQueueUrlAsEndpoint: false });
  running.defer(() => sqs.destroy());
  sns = new SNSClient({ endpoint, region: 'us-east-1', credentials });
  running.defer(() => sns.destroy());
}

async function queue(QueueName: string, Attributes: Record<string, string> = {}): Promise<string> {
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  return QueueUrl;
}

const send = (QueueUrl: string, MessageBody: string) =>
  sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));

async function receive(QueueUrl: string, VisibilityTimeout = 0) {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl,
      VisibilityTimeout,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
    }),
  );
  return Messages;
}

const pass = (milliseconds: number) => vi.setSystemTime(Date.now() + milliseconds);

describe('the retention of a message', () => {
  const RETENTION = { MessageRetentionPeriod: String(4 * 86_400) };

  it('ends with the period of the queue, wherever the message is', async () => {
    const QueueUrl = await queue('short', RETENTION);
    await send(QueueUrl, 'visible');
    await send(QueueUrl, 'in flight');
    await receive(QueueUrl, 43_200);
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'delayed', DelaySeconds: 900 }));
    pass(4 * DAY_MS - 1000);
    expect(await receive(QueueUrl)).toHaveLength(3);
    pass(1000);
    expect(await receive(QueueUrl)).toEqual([]);
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
    );
    expect(Attributes).toMatchObject({
      ApproximateNumberOfMessages: '0',
      ApproximateNumberOfMessagesNotVisible: '0',
      ApproximateNumberOfMessagesDelayed: '0',
    });
  });

  it('is counted on a dead-letter queue from when the message was first sent', async () => {
    const dead = await queue('dead', RETENTION);
    const RedrivePolicy = JSON.stringify({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:dead',
      maxReceiveCount: 1,
    });
    const source = await queue('source', { RedrivePolicy });
    await send(source, 'one');
    const sentAt = (await receive(source))[0]?.Attributes?.SentTimestamp;
    pass(3 * DAY_MS);
    expect(await receive(source)).toEqual([]);
    const [moved] = await receive(dead);
    expect(moved).toMatchObject({ Body: 'one', Attributes: { SentTimestamp: sentAt } });
    pass(DAY_MS);
    expect(await receive(dead)).toEqual([]);
  });
});

/** Quotas: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html */
describe('SQS', () => {
  const MIB = 2 ** 20;
  const entry = (Id: string, bytes = 1) => ({ Id, MessageBody: 'a'.repeat(bytes) });
  const batch = (QueueUrl: string, Entries: { Id: string; MessageBody: string }[]) =>
    sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));

  it('takes a message of 1 MiB, and ten that are as large together', async () => {
    const QueueUrl = await queue('q');
    await send(QueueUrl, 'a'.repeat(MIB));
    const Entries = Array.from({ length: 10 }, (_, index) => entry(`${index}`, index === 0 ? MIB - 9 : 1));
    expect(await batch(QueueUrl, Entries)).toMatchObject({ Failed: [] });
  });

  it.each<[string, string, (queueUrl: string) => Promise<unknown>]>([
    ['a message over 1 MiB', 'InvalidParameterValue', (url) => send(url, 'a'.repeat(MIB + 1))],
    [
      'a batch over 1 MiB',
      'BatchRequestTooLong',
      (url) => batch(url, [entry('1', MIB / 2), entry('2', MIB / 2 + 1)]),
    ],
    [
      'a batch of eleven',
      'TooManyEntriesInBatchRequest',
      (url) =>
        batch(
          url,
          Array.from({ length: 11 }, (_, index) => entry(`${index}`)),
        ),
    ],
    ['an id twice', 'BatchEntryIdsNotDistinct', (url) => batch(url, [entry('1'), entry('1')])],
    ['an id with a dot', 'InvalidBatchEntryId', (url) => batch(url, [entry('1.2')])],
    ['a control character', 'InvalidMessageContents', (url) => send(url, 'a\u0000b')],
    ['half of a surrogate pair', 'InvalidMessageContents', (url) => send(url, 'a\ud800b')],
    ['U+FFFE', 'InvalidMessageContents', (url) => send(url, 'a\ufffeb')],
    ['a visibility timeout over 12 hours', 'InvalidParameterValue', (url) => receive(url, 43_201)],
  ])('refuses %s', async (_, code, request) => {
    const error = await request(await queue('q')).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(SQSServiceException);
    expect(Object.assign({ name: '' }, error).name).toContain(code);
  });
});

describe('messages in flight', () => {
  it('keep others from being received at the limit, until one is deleted or visible again', async () => {
    await start({ maxInFlight: 2 });
    const QueueUrl = await queue('q');
    for (const body of ['a', 'b', 'c', 'd']) await send(QueueUrl, body);
    const [first, second] = await receive(QueueUrl, 60);
    expect(await receive(QueueUrl, 60)).toEqual([]);
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: first?.ReceiptHandle }));
    expect((await receive(QueueUrl, 60)).map(({ Body }) => Body)).toEqual(['c']);
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl,
        ReceiptHandle: second?.ReceiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    expect((await receive(QueueUrl, 60)).map(({ Body }) => Body)).toEqual(['d']);
  });
});

describe('Publish', () => {
  it('takes 256 KB and refuses a byte more', async () => {
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 't' }));
    const publish = (bytes: number) => sns.send(new PublishCommand({ TopicArn, Message: 'a'.repeat(bytes) }));
    await publish(262_144);
    await expect(publish(262_145)).rejects.toMatchObject({ name: 'InvalidParameterException' });
  });
});

describe('PublishBatch', () => {
  it.each([
    ['takes 256 KB of messages and attributes', 0, undefined],
    ['refuses a byte more', 1, 'BatchRequestTooLongException'],
  ])('%s', async (_, more, refusal) => {
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 't' }));
    const MessageAttributes = { type: { DataType: 'String', StringValue: 'ä' } };
    const half = 131_072 - Buffer.byteLength('typeStringä');
    const entry = (Id: string, bytes: number) => ({ Id, Message: 'a'.repeat(bytes), MessageAttributes });
    const PublishBatchRequestEntries = [entry('1', half), entry('2', half + more)];
    const sent = sns
      .send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }))
      .then(({ Failed = [] }) => (Failed.length > 0 ? 'entries failed' : undefined))
      .catch((error: unknown) => (error instanceof Error ? error.name : 'unknown'));
    expect(await sent).toBe(refusal);
  });
});

describe('the trace header', () => {
  const TRACE = 'Root=1-2-3;Lineage=00000000:1';

  async function tracesOf(QueueUrl: string) {
    const messages = await receive(QueueUrl);
    return Object.fromEntries(messages.map(({ Body, Attributes }) => [Body, Attributes?.AWSTraceHeader]));
  }

  it('of a function that sends is kept with its messages', async () => {
    const QueueUrl = await queue('q');
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'f');
    vi.stubEnv('_X_AMZN_TRACE_ID', TRACE);
    running.defer(() => void vi.unstubAllEnvs());
    await send(QueueUrl, 'single');
    const MessageAttributes = { a: { DataType: 'String', StringValue: 'b' } };
    const Entries = [
      { Id: '1', MessageBody: 'entry' },
      { Id: '2', MessageBody: 'with attributes', MessageAttributes },
    ];
    await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    expect(await tracesOf(QueueUrl)).toEqual({ single: TRACE, entry: TRACE, 'with attributes': TRACE });
  });

  it('of a function that publishes is kept with the messages of subscribed queues', async () => {
    const QueueUrl = await queue('subscribed');
    const { TopicArn } = await sns.send(new CreateTopicCommand({ Name: 't' }));
    const Endpoint = 'arn:aws:sqs:us-east-1:000000000000:subscribed';
    const Attributes = { RawMessageDelivery: 'true' };
    await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint, Attributes }));
    await sns.send(new PublishCommand({ TopicArn, Message: 'no function' }));
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'f');
    vi.stubEnv('_X_AMZN_TRACE_ID', TRACE);
    running.defer(() => void vi.unstubAllEnvs());
    await sns.send(new PublishCommand({ TopicArn, Message: 'single' }));
    const PublishBatchRequestEntries = [{ Id: '1', Message: 'entry' }];
    await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries }));
    expect(await tracesOf(QueueUrl)).toEqual({ 'no function': undefined, single: TRACE, entry: TRACE });
  });

  it('is absent from what no function sent, and is what the message states', async () => {
    const QueueUrl = await queue('q');
    await send(QueueUrl, 'plain');
    const AWSTraceHeader = { DataType: 'String', StringValue: 'Root=own' };
    await sqs.send(
      new SendMessageCommand({
        QueueUrl,
        MessageBody: 'stated',
        MessageSystemAttributes: { AWSTraceHeader },
      }),
    );
    expect(await tracesOf(QueueUrl)).toEqual({ plain: undefined, stated: 'Root=own' });
  });
});
