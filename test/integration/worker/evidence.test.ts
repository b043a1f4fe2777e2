import { beforeAll, describe, expect, it } from 'vitest';
import { accessDenied } from '../../../infra/local/aws/s3/faults.ts';
import { HOUR_MS, MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { ApiUnavailable } from '../../../lambda/shared/zencoder/api-errors.ts';
import { signedAnew } from '../../support/messages.ts';
import type { SourceFault } from '../../support/source-server.ts';
import {
  deliverInOutage,
  messageOf,
  recoveryOf,
  redeliverUntilDone,
  serveSource,
  useWorker,
  worker,
} from '../../support/worker-fixture.ts';

const REFUSED: SourceFault = { status: 403, body: '<Error><Code>SignatureDoesNotMatch</Code></Error>' };
const MISSING: SourceFault = { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' };

/** The fault of the source for a signature; it serves the file when undefined. */
let respond: (signature: string) => SourceFault | undefined | Promise<SourceFault | undefined>;

useWorker();
beforeAll(() =>
  serveSource({
    file: { size: 1000, etag: '"made-up"' },
    fault: ({ target }) => respond(/Signature=([^&]*)/.exec(target)?.[1] ?? ''),
  }),
);

describe('a file that the source does not find', () => {
  it('is requested again, and recovered when the object appears after its notification', async () => {
    let requests = 0;
    respond = () => (++requests <= 2 ? MISSING : undefined);
    const given = messageOf(['a.mp4']);

    let delivered = await worker.deliver(given);
    expect(await recoveryOf(given)).toMatchObject({
      state: 'pending',
      lastError: { errorClass: 'SourceNotFound', category: 'lost' },
    });
    for (let attempt = 2; attempt <= 3; attempt++) {
      worker.advance(MINUTE_MS);
      delivered = await worker.redeliver(delivered);
    }

    expect(delivered.isDone).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', attempts: 3 });
  });

  it('is lost when it does not appear for two of its twenty-four hours', async () => {
    respond = () => MISSING;
    const given = messageOf(['a.mp4']);
    const began = worker.now();

    await redeliverUntilDone(await worker.deliver(given), 15 * MINUTE_MS);

    expect(await recoveryOf(given)).toMatchObject({
      state: 'lost',
      lastError: { errorClass: 'SourceNotFound' },
    });
    const hours = (worker.now() - began) / HOUR_MS;
    expect(hours).toBeGreaterThanOrEqual(2);
    expect(hours).toBeLessThan(2.5);
  });
});

describe('a lost recovery', () => {
  it.each([
    ['a refused URL', REFUSED],
    ['an invalid URL', { status: 400, body: '<Error><Code>InvalidURI</Code></Error>' }],
  ])('after %s is opened again by a later notification with another signature', async (_, fault) => {
    respond = (signature) => (signature === '0' ? fault : undefined);
    const given = messageOf(['a.mp4']);
    await worker.deliver(given);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });

    await worker.deliver(signedAnew(given, '1'));

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', redrives: 1 });
  });

  it('of a file that was not found is opened again by any later notification', async () => {
    respond = () => MISSING;
    const given = messageOf(['a.mp4']);
    await redeliverUntilDone(await worker.deliver(given), 15 * MINUTE_MS);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    respond = () => undefined;

    await worker.deliver(given);

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('is opened again by a message whose first delivery failed on the ledger', async () => {
    respond = (signature) => (signature === '0' ? REFUSED : undefined);
    const given = messageOf(['a.mp4']);
    await worker.deliver(given);
    const second = await deliverInOutage(signedAnew(given, '1'), () => true);
    expect(second.isDone).toBe(false);
    worker.advance(MINUTE_MS);

    await worker.redeliver(second);

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('stays lost when the message whose URL was tried is delivered again', async () => {
    respond = () => REFUSED;
    const given = messageOf(['a.mp4']);
    await worker.send(given);
    const message = await worker.receive();
    await worker.handle(message);
    const before = await recoveryOf(given);
    respond = () => undefined;

    await worker.handle(message);

    expect(before).toMatchObject({ state: 'lost', spentEvidence: [message.MessageId] });
    expect(await recoveryOf(given)).toEqual(before);
  });

  it('stays lost after ten messages whose URLs were refused, and after its deadline', async () => {
    respond = () => REFUSED;
    const given = messageOf(['a.mp4']);
    for (let signature = 0; signature < 10; signature++)
      await worker.deliver(signedAnew(given, `${signature}`));
    const tried = messageOf(['a.mp4']);
    await worker.deliver(tried);
    respond = () => undefined;

    await worker.deliver(signedAnew(given, '10'));
    worker.advance(25 * HOUR_MS);
    await worker.deliver(signedAnew(tried, '1'));

    expect(await recoveryOf(given)).toMatchObject({ state: 'lost', attempts: 10 });
    expect(await recoveryOf(tried)).toMatchObject({ state: 'lost', attempts: 1 });
  });

  it('is opened again after any number of refusals by the bucket', async () => {
    respond = () => undefined;
    const given = messageOf(['a.mp4']);
    worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
    let delivered = await worker.deliver(given);
    for (let attempt = 2; attempt <= 11; attempt++) {
      worker.advance(15 * MINUTE_MS);
      delivered = await worker.redeliver(delivered);
    }
    worker.s3.setFaults(undefined);
    respond = () => REFUSED;
    worker.advance(15 * MINUTE_MS);
    await worker.redeliver(delivered);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost', attempts: 12 });
    respond = (signature) => (signature === '2' ? undefined : REFUSED);

    await worker.deliver(signedAnew(given, '2'));

    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });
});

describe('a message whose file another message holds', () => {
  it('stays in reserve while the other copies, and recovers the file when its URL is refused', async () => {
    const given = messageOf(['a.mp4']);
    await worker.send(given);
    const first = await worker.receive();
    await worker.send(signedAnew(given, '1'));
    const second = await worker.receive();
    let isReserved: boolean | undefined;
    respond = async (signature) => {
      if (signature !== '0') return undefined;
      isReserved = !(await worker.handle(second)).isDone;
      return REFUSED;
    };

    await worker.handle(first);
    expect(isReserved).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'lost' });
    worker.advance(MINUTE_MS);
    const { isDone } = await worker.redeliver({ isDone: false, message: second });

    expect(isDone).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered' });
  });

  it('makes an attempt of its own while the other waits, since its URL may be valid', async () => {
    respond = (signature) => (signature === '0' ? REFUSED : undefined);
    const unavailable = () => Promise.reject(new ApiUnavailable('the Zencoder API responded 503'));
    const api = { getOutput: unavailable, getJob: unavailable, listJobs: unavailable, remaining: null };
    worker.use({ api });
    const given = messageOf(['a.mp4']);
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

  it('stays in reserve after its attempt, and is deleted once the file is recovered', async () => {
    respond = () => undefined;
    const given = messageOf(['a.mp4']);
    worker.s3.setFaults(() => accessDenied('s3:PutObject', 'arn:aws:s3:::acme'));
    const first = await worker.deliver(given);
    const second = await worker.deliver(signedAnew(given, '1'));
    expect(second.isDone).toBe(false);
    const redelivered = await worker.redeliver(first);
    expect(redelivered.isDone).toBe(false);
    expect(await recoveryOf(given)).toMatchObject({ state: 'pending', attempts: 2 });
    worker.s3.setFaults(undefined);
    worker.advance(MINUTE_MS);
    await worker.redeliver(redelivered);

    expect((await worker.redeliver(second)).isDone).toBe(true);
    expect(await recoveryOf(given)).toMatchObject({ state: 'recovered', attempts: 3 });
  });
});
