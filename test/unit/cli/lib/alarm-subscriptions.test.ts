import { describe, expect, it } from 'vitest';
import { alarmSubscriptions, unconfirmedSentences } from '../../../../infra/cli/lib/alarm-subscriptions.ts';

const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:alarms';

/** As `ListSubscriptionsByTopic` has it; pending without an ARN of its own. */
function subscription(Endpoint: string, isPending = false) {
  return {
    SubscriptionArn: isPending ? 'PendingConfirmation' : `${TOPIC}:0a1b2c3d`,
    ...{ Owner: '123456789012', Protocol: 'email', Endpoint, TopicArn: TOPIC },
  };
}

describe('alarmSubscriptions', () => {
  it('counts what is confirmed, and names what is not', () => {
    const found = [subscription('a@b.example'), subscription('ops@example.com', true)];
    expect(alarmSubscriptions(TOPIC, found, 'ops@example.com')).toEqual({
      ...{ topicArn: TOPIC, confirmed: 1, unconfirmed: ['ops@example.com'] },
    });
    expect(alarmSubscriptions(TOPIC, found, undefined).unconfirmed).toEqual(['ops@example.com']);
  });

  it('names alarmEmail when its subscription has gone, as one does that is not confirmed', () => {
    const found = [subscription('a@b.example')];
    expect(alarmSubscriptions(TOPIC, found, 'ops@example.com').unconfirmed).toEqual(['ops@example.com']);
    expect(alarmSubscriptions(TOPIC, [], 'ops@example.com').unconfirmed).toEqual(['ops@example.com']);
  });

  it('names nothing when all have confirmed, or none is wanted', () => {
    const all = alarmSubscriptions(TOPIC, [subscription('ops@example.com')], 'ops@example.com');
    expect(all).toMatchObject({ confirmed: 1, unconfirmed: [] });
    expect(unconfirmedSentences(all)).toEqual([]);
    expect(alarmSubscriptions(TOPIC, [], undefined)).toMatchObject({ confirmed: 0, unconfirmed: [] });
  });
});
