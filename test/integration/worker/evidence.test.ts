import { PurgeQueueCommand } from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { OutputMessage } from '../../../lambda/shared/queue/messages.ts';
import { ApiUnavailable } from '../../../lambda/shared/zencoder/api-errors.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { backupMessage, signedAnew } from '../../support/messages.ts';
import { type SourceFault, type SourceServer, startSource } from '../../support/source-server.ts';
import { startWorker, type TestWorker } from '../../support/worker.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const REFUSED: SourceFault = { status: 403, body: '<Error><Code>SignatureDoesNotMatch</Code></Error>' };
const MISSING: SourceFault = { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' };

let worker: TestWorker;
let source: SourceServer;
/** What the source answers to a signature; the file when undefined. */
let answer: (signature: string) => SourceFault | undefined | Promise<SourceFault | undefined>;
beforeAll(async () => {
  worker = await startWorker();
  source = await startSource({
    file: { size: 1000, etag: '"made-up"' },
    fault: ({ target }) => answer(/Signature=([^&]*)/.exec(target)?.[1] ?? ''),
  });
  worker.use({ storage: parseStorageAllowList(source.origin), api: null });
});
afterEach(async () => {
  worker.s3.setFaults(undefined);
  await worker.messaging.sqs.send(new PurgeQueueCommand({ QueueUrl: worker.queueUrl }));
});
afterAll(async () => {
  await source?.close();
  await worker?.close();
});

const newMessage = () => backupMessage({ origin: source.origin, names: ['a.mp4'], now: worker.now() });

async function recoveryOf({ job }: OutputMessage): Promise<RecoveryRecord | undefined> {
  return (await worker.job(job.id)).recoveries[0];
}

describe('a file that the source does not find', () => {
  it('is asked for again, and recovered when the object comes after its notification', async () => {
    let requests = 0;
    answer = () => (++requests <= 2 ? MISSING : undefined);
    const given = newMessage();

    let delivered = await worker.deliver(given);
    expect(await recoveryOf(given)).toMatchObject({
      state: 'pending',
      lastError: { errorClass: 'SourceNotFound', category: 'lost' },
    });
    for (let attempt = 2; attempt <= 3; attempt++) {
      worker.advance(MINUTE);
      delivered = await worker.redeliver(delivered);
    }

    expect(delivered.isDone).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', attempts: 3 });
  });

  it('is lost when it has not come for two of its twenty-four hours', async () => {
    answer = () => MISSING;
    const given = newMessage();
    const began = worker.now();

    let delivered = await worker.deliver(given);
    while (!delivered.isDone) {
      worker.advance(15 * MINUTE);
      delivered = await worker.redeliver(delivered);
    }

    expect(await recoveryOf(given)).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'SourceNotFound' },
    });
    const hours = (worker.now() - began) / HOUR;
    expect(hours).toBeGreaterThanOrEqual(2);
    expect(hours).toBeLessThan(2.5);
  });
});

describe('a recovery that is lost', () => {
  it.each([
    ['a refused URL', REFUSED],
    ['a URL that the source cannot read', { status: 400, body: '<Error><Code>InvalidURI</Code></Error>' }],
  ])('to %s is opened by a later notification with another signature', async (_, fault) => {
    answer = (signature) => (signature === '0' ? fault : undefined);
    const given = newMessage();
    await worker.deliver(given);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });

    await worker.deliver(signedAnew(given, '1'));

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', redrives: 1 });
  });

  it('to a file that was not found is opened by any later notification', async () => {
    answer = () => MISSING;
    const given = newMessage();
    let delivered = await worker.deliver(given);
    while (!delivered.isDone) {
      worker.advance(15 * MINUTE);
      delivered = await worker.redeliver(delivered);
    }
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    answer = () => undefined;

    await worker.deliver(given);

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('is opened by a message whose first delivery met a fault of the ledger', async () => {
    answer = (signature) => (signature === '0' ? REFUSED : undefined);
    const given = newMessage();
    await worker.deliver(given);
    const { client } = worker.ledger;
    client.middlewareStack.add(
      () => async () => {
        throw new Error('the ledger is away');
      },
      { step: 'initialize', name: 'outage' },
    );
    const second = await worker.deliver(signedAnew(given, '1'));
    client.middlewareStack.remove('outage');
    expect(second.isDone).toBe(false);
    worker.advance(MINUTE);

    await worker.redeliver(second);

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('stays lost when the same message is delivered again, whose URL has been tried', async () => {
    answer = () => REFUSED;
    const given = newMessage();
    await worker.send(given);
    const message = await worker.receive();
    await worker.handle(message);
    const before = await recoveryOf(given);
    answer = () => undefined;

    await worker.handle(message);

    expect(before).toMatchObject({ state: 'lost', spentEvidence: [message.MessageId] });
    expect(await recoveryOf(given)).toEqual(before);
  });

  it('stays lost once ten messages have been tried to their end, or its deadline is over', async () => {
    answer = () => REFUSED;
    const given = newMessage();
    for (let signature = 0; signature < 10; signature++)
      await worker.deliver(signedAnew(given, `${signature}`));
    const tried = newMessage();
    await worker.deliver(tried);
    answer = () => undefined;

    await worker.deliver(signedAnew(given, '10'));
    worker.advance(25 * HOUR);
    await worker.deliver(signedAnew(tried, '1'));

    expect(await recoveryOf(given)).toMatchObject({ state: 'lost', attempts: 10 });
    expect(await recoveryOf(tried)).toMatchObject({ state: 'lost', attempts: 1 });
  });

  it('is opened however often the bucket refused it before its URL was refused', async () => {
    answer = () => undefined;
    const given = newMessage();
    worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
    let delivered = await worker.deliver(given);
    for (let attempt = 2; attempt <= 11; attempt++) {
      worker.advance(15 * MINUTE);
      delivered = await worker.redeliver(delivered);
    }
    worker.s3.setFaults(undefined);
    answer = () => REFUSED;
    worker.advance(15 * MINUTE);
    await worker.redeliver(delivered);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost', attempts: 12 });
    answer = (signature) => (signature === '2' ? undefined : REFUSED);

    await worker.deliver(signedAnew(given, '2'));

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });
});

describe('a message whose file another message has', () => {
  it('stays in reserve while the other is at work, and recovers the file when that URL is refused', async () => {
    const given = newMessage();
    await worker.send(given);
    const first = await worker.receive();
    await worker.send(signedAnew(given, '1'));
    const second = await worker.receive();
    let isReserved: boolean | undefined;
    answer = async (signature) => {
      if (signature !== '0') return undefined;
      isReserved = !(await worker.handle(second)).isDone;
      return REFUSED;
    };

    await worker.handle(first);
    expect(isReserved).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    worker.advance(MINUTE);
    const { isDone } = await worker.redeliver({ isDone: false, message: second });

    expect(isDone).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('gets an attempt of its own while the other waits, since its URL may be a better one', async () => {
    answer = (signature) => (signature === '0' ? REFUSED : undefined);
    const unavailable = () => Promise.reject(new ApiUnavailable('the Zencoder API answered 503'));
    const api = { getOutput: unavailable, getJob: unavailable, listJobs: unavailable, remaining: null };
    worker.use({ api });
    const given = newMessage();
    await worker.deliver(given);
    expect(await recoveryOf(given)).toMatchObject({
      state: 'pending',
      lastError: { errorClass: 'ApiUnavailable' },
    });

    const { isDone } = await worker.deliver(signedAnew(given, '1'));
    worker.use({ api: null });

    expect(isDone).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', attempts: 2 });
  });

  it('stays in reserve after its attempt, and is done with once the file is there', async () => {
    answer = () => undefined;
    const given = newMessage();
    worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
    const first = await worker.deliver(given);
    const second = await worker.deliver(signedAnew(given, '1'));
    expect(second.isDone).toBe(false);
    const back = await worker.redeliver(first);
    expect(back.isDone).toBe(false);
    expect(await recoveryOf(given)).toMatchObject({ state: 'pending', attempts: 2 });
    worker.s3.setFaults(undefined);
    worker.advance(MINUTE);
    await worker.redeliver(back);

    expect((await worker.redeliver(second)).isDone).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', attempts: 3 });
  });
});
