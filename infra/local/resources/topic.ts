import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import * as v from 'valibot';
import type { Json } from '../json.ts';
import { parseProperties, truth } from './parse.ts';
import { type Maker, physicalName, UnsupportedResource } from './world.ts';

/** AWS::SNS::Topic */
export const makeTopic: Maker = async (resource, world) => {
  const name = physicalName(resource, 'TopicName', world, 256);
  const created = await world.clients.sns.send(new CreateTopicCommand({ Name: name }));
  if (created.TopicArn === undefined) throw new UnsupportedResource(resource, 'the topic server gave no ARN');
  return { ref: created.TopicArn, attributes: { TopicArn: created.TopicArn, TopicName: name } };
};

const subscription = v.object({
  TopicArn: v.string(),
  Protocol: v.string(),
  Endpoint: v.optional(v.string()),
  RawMessageDelivery: v.optional(truth),
  FilterPolicy: v.optional(v.custom<Json>(() => true)),
  FilterPolicyScope: v.optional(v.string()),
});

/** People, and systems outside: nothing is sent from a local stack. */
const OUTSIDE = new Set(['email', 'email-json', 'sms', 'http', 'https']);

/** AWS::SNS::Subscription of a queue; those of people are left out. */
export const makeSubscription: Maker = async (resource, world) => {
  const wanted = parseProperties(subscription, resource);
  if (OUTSIDE.has(wanted.Protocol))
    return { ref: `${wanted.TopicArn}:not-subscribed-locally`, attributes: {} };
  if (wanted.Protocol !== 'sqs' || wanted.Endpoint === undefined) {
    throw new UnsupportedResource(
      resource,
      `subscriptions of protocol ${wanted.Protocol} do not work locally`,
    );
  }
  const attributes: Record<string, string> = {};
  if (wanted.RawMessageDelivery !== undefined)
    attributes.RawMessageDelivery = String(wanted.RawMessageDelivery);
  if (wanted.FilterPolicy !== undefined) attributes.FilterPolicy = JSON.stringify(wanted.FilterPolicy);
  if (wanted.FilterPolicyScope !== undefined) attributes.FilterPolicyScope = wanted.FilterPolicyScope;
  const made = await world.clients.sns.send(
    new SubscribeCommand({
      TopicArn: wanted.TopicArn,
      Protocol: 'sqs',
      Endpoint: wanted.Endpoint,
      Attributes: attributes,
      ReturnSubscriptionArn: true,
    }),
  );
  return { ref: made.SubscriptionArn ?? '', attributes: {} };
};
