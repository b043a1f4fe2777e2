import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalServer } from '../../../../infra/local/aws/listen.ts';
import { MessagesNotQueued, sendMessages } from '../../../../lambda/shared/queue/send.ts';
import { forward, serve, startQueue, type TestQueue } from '../../ingest/servers.ts';

interface Entry {
  Id: string;
  MessageBody: string;
}

let queue: TestQueue;
let gate: LocalServer;
let client: SQSClient;
let batches: Entry[][];
/** The entries of a batch that the gate refuses in the queue's place; set by each test. */
let refuse: (entries: Entry[], call: number) => { ids: string[]; senderFault: boolean } | 'fail';

beforeEach(async () => {
  queue = await startQueue('recovery');
  batches = [];
  refuse = () => ({ ids: [], senderFault: false });
  gate = await serve((incoming, body, response) => {
    const request: { Entries: Entry[] } = JSON.parse(body);
    batches.push(request.Entries);
    const refusal = refuse(request.Entries, batches.length);
    if (refusal === 'fail') {
      response.writeHead(503).end();
      return;
    }
    const refused = request.Entries.filter((entry) => refusal.ids.includes(entry.Id));
    if (refused.length === 0) {
      forward(queue.endpoint, incoming, body, response);
      return;
    }
    const accepted = request.Entries.filter((entry) => !refused.includes(entry));
    void queueDirectly(accepted).then(() => {
      const Failed = refused.map(({ Id }) => ({
        Id,
        Code: 'InternalError',
        SenderFault: refusal.senderFault,
      }));
      const Successful = accepted.map(({ Id }) => ({ Id, MessageId: Id, MD5OfMessageBody: '' }));
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' });
      response.end(JSON.stringify({ Failed, Successful }));
    });
  });
  client = new SQSClient({
    endpoint: gate.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
    md5: false,
    maxAttempts: 2,
  });
});

afterEach(async () => {
  client.destroy();
  await gate.close();
  await queue.close();
});

async function queueDirectly(entries: readonly Entry[]): Promise<void> {
  if (entries.length > 0)
    await sendMessages(
      queue.client,
      queue.queueUrl,
      entries.map((entry) => entry.MessageBody),
    );
}

function send(bodies: readonly string[]): Promise<void> {
  return sendMessages(client, `${gate.endpoint}/000000000000/recovery`, bodies);
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `message ${index}`);

describe('sendMessages', () => {
  it('queues every message, ten per call', async () => {
    await send(numbered(95));
    expect((await queue.drain()).toSorted()).toEqual(numbered(95).toSorted());
    expect(batches.map((batch) => batch.length).toSorted((a, b) => a - b)).toEqual([5, ...Array(9).fill(10)]);
  });

  it('sends no request for no messages', async () => {
    await send([]);
    expect(batches).toEqual([]);
  });

  it('sends messages of the maximum size of SQS, each in its own call', async () => {
    const large = ['a', 'b'].map((letter) => letter.repeat(1_048_576));
    await send(large);
    expect((await queue.drain()).map((body) => body.length)).toEqual([1_048_576, 1_048_576]);
  });

  it('retries exactly the entries that failed by an error of the queue', async () => {
    refuse = (_, call) => ({ ids: call <= 2 ? ['1', '3'] : [], senderFault: false });
    await send(numbered(4));
    expect((await queue.drain()).toSorted()).toEqual(numbered(4));
    expect(batches.map((batch) => batch.map((entry) => entry.Id))).toEqual([
      ['0', '1', '2', '3'],
      ['1', '3'],
      ['1', '3'],
    ]);
  });

  it('throws the number of entries that the queue refused in every attempt', async () => {
    refuse = () => ({ ids: ['1', '3'], senderFault: false });
    const error = await send(numbered(4)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MessagesNotQueued);
    expect(error).toMatchObject({ refused: 2, category: 'transient' });
    expect((await queue.drain()).toSorted()).toEqual(['message 0', 'message 2']);
  });

  it('does not retry an entry that cannot succeed, and queues the others', async () => {
    const bodies = ['fine', 'not \uffff fine', 'also fine'];
    await expect(send(bodies)).rejects.toThrow(/1 of 3 messages: InvalidMessageContents/);
    expect(batches).toHaveLength(1);
    expect((await queue.drain()).toSorted()).toEqual(['also fine', 'fine']);
  });

  it('sends every batch, also after one has failed as a whole', async () => {
    refuse = (entries) =>
      entries[0]?.MessageBody === 'message 10' ? 'fail' : { ids: [], senderFault: false };
    await expect(send(numbered(30))).rejects.toMatchObject({ name: 'MessagesNotQueued', refused: 10 });
    expect(await queue.drain()).toHaveLength(20);
  });
});
