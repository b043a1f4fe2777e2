import { SubscribeCommand } from '@aws-sdk/client-sns';
import { expect, it, onTestFinished } from 'vitest';
import { readAlarmSubscriptions } from '../../../../infra/cli/lib/alarm-subscriptions.ts';
import { startMessaging } from '../../../support/messaging.ts';

it('readAlarmSubscriptions reads every page of the subscriptions of the topic', async () => {
  const messaging = await startMessaging();
  onTestFinished(() => messaging.close());
  const { sns, topicArn } = messaging;
  for (let n = 0; n < 120; n++) {
    const Endpoint = `arn:aws:sqs:us-east-1:000000000000:alarms-${n}`;
    await sns.send(new SubscribeCommand({ TopicArn: topicArn, Protocol: 'sqs', Endpoint }));
  }
  await expect(readAlarmSubscriptions(sns, topicArn, 'ops@example.com')).resolves.toEqual({
    ...{ topicArn, confirmed: 120, unconfirmed: ['ops@example.com'] },
  });
});
