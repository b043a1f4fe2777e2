import { describe, expect, it } from 'vitest';
import { snsAccessRequests } from '../../../../../../infra/local/aws/iam/actions/sns.ts';

const PLACE = { region: 'eu-west-1', accountId: '111122223333' };
const TopicArn = 'arn:aws:sns:eu-west-1:111122223333:events';

function needs(operation: string, input: Record<string, string>) {
  const request = { service: 'sns', operation, input, accessKeyId: 'A', isSecure: true, bytes: 2 } as const;
  return snsAccessRequests(request, PLACE).map(({ action, resource }) => `${action} ${resource}`);
}

describe('snsAccessRequests', () => {
  it.each([
    ['Publish', 'Publish'],
    ['PublishBatch', 'Publish'],
    ['ListSubscriptionsByTopic', 'ListSubscriptionsByTopic'],
    ['Subscribe', 'Subscribe'],
  ])('%s needs sns:%s on the topic', (operation, action) => {
    expect(needs(operation, { TopicArn })).toEqual([`sns:${action} ${TopicArn}`]);
  });

  it('finds the topic of a subscription in its ARN', () => {
    expect(needs('Unsubscribe', { SubscriptionArn: `${TopicArn}:5f1c` })).toEqual([
      `sns:Unsubscribe ${TopicArn}`,
    ]);
  });

  it('throws for an operation that it does not know, naming it', () => {
    expect(() => needs('TagResource', {})).toThrow(
      'sns: no IAM action is known for the operation "TagResource"',
    );
  });
});
