import { asText } from '../../../json.ts';
import type { ServiceRequest } from '../../service-request.ts';
import type { AccessRequest } from '../access.ts';
import { contextOf, type Place, UnknownOperation } from './context.ts';

const ACTIONS: Readonly<Record<string, string>> = {
  CreateTopic: 'CreateTopic',
  DeleteTopic: 'DeleteTopic',
  GetSubscriptionAttributes: 'GetSubscriptionAttributes',
  GetTopicAttributes: 'GetTopicAttributes',
  ListSubscriptionsByTopic: 'ListSubscriptionsByTopic',
  ListTopics: 'ListTopics',
  Publish: 'Publish',
  // A batch needs what its single operation needs.
  PublishBatch: 'Publish',
  SetSubscriptionAttributes: 'SetSubscriptionAttributes',
  SetTopicAttributes: 'SetTopicAttributes',
  Subscribe: 'Subscribe',
  Unsubscribe: 'Unsubscribe',
};

/**
 * What a request to SNS must be allowed
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsns.html).
 *
 * @throws {UnknownOperation}
 */
export function snsAccessRequests(
  { operation, input, isSecure }: ServiceRequest,
  { region, accountId }: Place,
): AccessRequest[] {
  const action = ACTIONS[operation];
  if (action === undefined) throw new UnknownOperation('sns', operation);
  const subscription = input.SubscriptionArn;
  // The topic's ARN and an id.
  const topic =
    subscription === undefined ? undefined : asText(subscription).split(':').slice(0, 6).join(':');
  const named = input.TopicArn ?? input.TargetArn ?? topic;
  const resource =
    named === undefined
      ? `arn:aws:sns:${region}:${accountId}:${input.Name === undefined ? '*' : asText(input.Name)}`
      : asText(named);
  return [{ action: `sns:${action}`, resource, context: contextOf(isSecure) }];
}
