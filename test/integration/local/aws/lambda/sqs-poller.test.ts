import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FunctionThrottled } from '../../../../../infra/local/aws/lambda/protocol.ts';
import {
  type Poller,
  type QueueMapping,
  startPoller,
} from '../../../../../infra/local/aws/lambda/sqs-poller.ts';
import type { LocalServer } from '../../../../../infra/local/aws/listen.ts';
import { startMessaging } from '../../../../../infra/local/aws/messaging.ts';
import { type Clock, createClock } from '../../../../../infra/local/clock.ts';
import { eventually } from '../../eventually.ts';

const batch = v.object({
  Records: v.array(
    v.object({
      messageId: v.string(),
      body: v.string(),
      receiptHandle: v.string(),
      attributes: v.record(v.string(), v.string()),
    }),
  ),
});
type Batch = v.InferOutput<typeof batch>['Records'];

let clock: Clock;
let server: LocalServer;
let sqs: SQSClient;
let queueUrl: string;
let poller: Poller | undefined;

beforeAll(async () => {
  clock = createClock();
  server = await startMessaging(clock);
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  sqs = new SQSClient({ endpoint: server.endpoint, region: 'us-east-1', credentials });
});

beforeEach(async ({ task }) => {
  const QueueName = task.id.replaceAll(/\W/g, '');
  await sqs.send(new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '60' } }));
  queueUrl = `${server.endpoint}/000000000000/${QueueName}`;
});

afterEach(() => poller?.close());

afterAll(async () => {
  sqs.destroy();
  await server.close();
});

/** Feeds a function; gives the bodies of every batch that it saw. */
function feed(take: (records: Batch) => unknown, settings: Partial<QueueMapping> = {}): string[][] {
  const seen: string[][] = [];
  const target = {
    invoke: async (event: unknown) => {
      const { Records } = v.parse(batch, event);
      seen.push(Records.map((record) => record.body));
      return take(Records);
    },
  };
  poller = startPoller(
    {
      queueUrl,
      queueArn: 'arn:aws:sqs:us-east-1:000000000000:q',
      region: 'us-east-1',
      target,
      batchSize: 10,
      partialResponses: true,
      maximumConcurrency: 2,
      ...settings,
    },
    sqs,
    clock,
  );
  return seen;
}

const throttled = () => new FunctionThrottled('f', 'ConcurrentInvocationLimitExceeded');

async function send(...bodies: string[]): Promise<void> {
  const Entries = bodies.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
  await sqs.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
}

/** Messages that can be received, and those that are hidden. */
async function depth(): Promise<number[]> {
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }),
  );
  return [
    Number(Attributes?.ApproximateNumberOfMessages),
    Number(Attributes?.ApproximateNumberOfMessagesNotVisible),
  ];
}

const settles = (expected: number[]) => eventually(async () => expect(await depth()).toEqual(expected));

describe('an event source mapping', () => {
  it('delivers batches up to its size and deletes processed messages', async () => {
    await send('a', 'b', 'c', 'd', 'e');
    const seen = feed(() => null, { batchSize: 2 });
    await settles([0, 0]);
    expect(seen.flat().toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(Math.max(...seen.map((bodies) => bodies.length))).toBe(2);
  });

  it('deletes all messages except those reported as failed', async () => {
    await send('a', 'bad', 'c');
    feed((records) => ({
      batchItemFailures: records
        .filter((r) => r.body === 'bad')
        .map((r) => ({ itemIdentifier: r.messageId })),
    }));
    await settles([0, 1]);
  });

  it.each([
    ['fails', () => Promise.reject(new Error('no'))],
    [
      'names a message that is not in the batch',
      () => ({ batchItemFailures: [{ itemIdentifier: 'other' }] }),
    ],
    ['returns a malformed response', () => ({ batchItemFailures: [{}] })],
  ])('deletes nothing when the function %s', async (_name, take) => {
    await send('a', 'b');
    const seen = feed(take);
    await eventually(() => expect(seen.flat()).toHaveLength(2));
    await eventually(() => expect(poller?.inFlight).toBe(0));
    expect(await depth()).toEqual([0, 2]);
  });

  it('treats any response as success without ReportBatchItemFailures', async () => {
    await send('a');
    feed((records) => ({ batchItemFailures: [{ itemIdentifier: records[0]?.messageId }] }), {
      partialResponses: false,
    });
    await settles([0, 0]);
  });

  it('redelivers a failed message after its visibility timeout, not before', async () => {
    await send('a');
    const seen = feed(() => Promise.reject(new Error('no')));
    await eventually(() => expect(seen).toHaveLength(1));
    clock.advance(59_000);
    expect(await depth()).toEqual([0, 1]);
    clock.advance(1000);
    await eventually(() => expect(seen).toHaveLength(2));
  });

  it('respects a visibility timeout set by the function', async () => {
    await send('a');
    const seen = feed(async ([record]) => {
      const change = { QueueUrl: queueUrl, ReceiptHandle: record?.receiptHandle, VisibilityTimeout: 900 };
      await sqs.send(new ChangeMessageVisibilityCommand(change));
      throw new Error('later');
    });
    await eventually(() => expect(seen).toHaveLength(1));
    await eventually(() => expect(poller?.inFlight).toBe(0));
    clock.advance(899_000);
    expect(await depth()).toEqual([0, 1]);
    clock.advance(1000);
    await eventually(() => expect(seen).toHaveLength(2));
  });

  it('tries a throttled message again within its visibility timeout, without another delivery', async () => {
    await send('a');
    let throttles = 2;
    const counts: (string | undefined)[] = [];
    feed(([record]) => {
      counts.push(record?.attributes.ApproximateReceiveCount);
      if (throttles-- > 0) throw throttled();
      return null;
    });
    await settles([0, 0]);
    expect(counts).toEqual(['1', '1', '1']);
  });

  it('leaves a message that stays throttled to its visibility timeout, after which it is delivered again', async () => {
    await send('a');
    const counts = new Set<string | undefined>();
    feed(([record]) => {
      counts.add(record?.attributes.ApproximateReceiveCount);
      throw throttled();
    });
    await eventually(() => expect([...counts]).toEqual(['1']));
    clock.advance(59_000);
    expect(await depth()).toEqual([0, 1]);
    clock.advance(1000);
    await eventually(() => expect([...counts]).toEqual(['1', '2']));
    // The first delivery is given up.
    await eventually(() => expect(poller?.inFlight).toBe(1));
  });

  it('reduces its concurrency while it is throttled', async () => {
    await send('a', 'b', 'c', 'd', 'e', 'f');
    let isBusy = true;
    const seen = feed(
      ([record]) => {
        const isRetry = seen.flat().filter((body) => body === record?.body).length > 1;
        if (isBusy && !(isRetry && record?.body === 'a')) throw throttled();
        return null;
      },
      { batchSize: 1, maximumConcurrency: 4 },
    );
    // One is done and three are tried again: there would be room for a fifth.
    await eventually(async () => expect(await depth()).toEqual([2, 3]));
    await eventually(() => expect(seen.filter(([body]) => body === 'b').length).toBeGreaterThan(3));
    expect(new Set(seen.flat())).toEqual(new Set(['a', 'b', 'c', 'd']));
    isBusy = false;
    await settles([0, 0]);
  });

  it('never exceeds its maximum concurrency', async () => {
    let running = 0;
    let most = 0;
    await send('a', 'b', 'c', 'd', 'e', 'f');
    const seen = feed(
      async () => {
        most = Math.max(most, ++running);
        await eventually(() => expect(most).toBe(2));
        running--;
      },
      { batchSize: 1 },
    );
    await settles([0, 0]);
    expect(seen).toHaveLength(6);
    expect(most).toBe(2);
  });
});
