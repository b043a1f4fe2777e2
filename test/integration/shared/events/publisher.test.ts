import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failureEvent, type RecoveryEvent } from '../../../../lambda/shared/events/events.ts';
import { createEventPublisher, EventsNotPublished } from '../../../../lambda/shared/events/publisher.ts';
import { NOW } from '../../../support/ledger-data.ts';
import { startMessaging, type TestMessaging } from '../../../support/messaging.ts';

let messaging: TestMessaging;
beforeAll(async () => {
  messaging = await startMessaging();
});
afterAll(() => messaging.close());

function anEvent(jobId: string): RecoveryEvent {
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

  it('throws EventsNotPublished when the topic refuses events', async () => {
    const publisher = createEventPublisher(messaging.sns, `${messaging.topicArn}-of-another`);
    await expect(publisher.publish([anEvent('1')])).rejects.toThrow(EventsNotPublished);
  });
});
