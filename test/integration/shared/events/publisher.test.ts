import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureEvent, type RecoveryEvent } from '../../../../lambda/shared/events/events.ts';
import { createEventPublisher, EventsNotPublished } from '../../../../lambda/shared/events/publisher.ts';
import type { PrimaryFailureRecord } from '../../../../lambda/shared/ledger/records.ts';
import { NOW } from '../../../support/ledger-data.ts';
import { startMessaging, type TestMessaging } from '../../../support/messaging.ts';

let messaging: TestMessaging;
beforeAll(async () => {
  messaging = await startMessaging();
});
afterAll(() => messaging.close());

function anEvent(jobId: string, given: Partial<PrimaryFailureRecord> = {}): RecoveryEvent {
  return failureEvent({
    jobId,
    outputId: '1',
    role: 'thumbnail',
    label: 'überall \u{1f39e} \uffff',
    outputType: null,
    passThrough: null,
    test: false,
    failedAt: NOW,
    recordedAt: NOW,
    errorClass: 'UploadTimeoutError',
    message: null,
    link: null,
    destinationHost: null,
    ...given,
  });
}

describe('createEventPublisher', () => {
  it('delivers each of 25 events to the subscribers with its attributes', async () => {
    const queue = await messaging.subscribe('all');
    const events = Array.from({ length: 25 }, (_, index) => anEvent(String(index)));
    await createEventPublisher(messaging.sns, messaging.topicArn).publish(events);
    const got = await messaging.drain(queue);
    const bodies = got.map(({ Body = '' }): RecoveryEvent => JSON.parse(Body));
    expect(bodies.toSorted((a, b) => Number(a.job.id) - Number(b.job.id))).toEqual(events);
    expect(got[0]?.MessageAttributes).toMatchObject({
      type: { DataType: 'String', StringValue: 'primary-failure' },
      role: { DataType: 'String', StringValue: 'thumbnail' },
      errorClass: { DataType: 'String', StringValue: 'UploadTimeoutError' },
      test: { DataType: 'String', StringValue: 'false' },
    });
  });

  it('delivers events that are too large for one batch, in several', async () => {
    const queue = await messaging.subscribe('large');
    // The longest texts that a record holds, of characters that JSON escapes with twelve bytes.
    const texts = { passThrough: '\u{1f39e}'.repeat(500), message: '\u{1f39e}'.repeat(1000) };
    const link = `https://app.zencoder.com/${'a'.repeat(8000)}`;
    const events = Array.from({ length: 10 }, (_, index) => anEvent(String(index), { ...texts, link }));
    await createEventPublisher(messaging.sns, messaging.topicArn).publish(events);
    expect(await messaging.drain(queue)).toHaveLength(10);
  });

  it('throws EventsNotPublished when the topic refuses events', async () => {
    const publisher = createEventPublisher(messaging.sns, `${messaging.topicArn}-of-another`);
    await expect(publisher.publish([anEvent('1')])).rejects.toThrow(EventsNotPublished);
  });
});
