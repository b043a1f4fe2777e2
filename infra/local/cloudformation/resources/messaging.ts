import { CreateTopicCommand, SubscribeCommand } from '@aws-sdk/client-sns';
import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { isObject, type Json } from '../../json.ts';
import {
  numeric,
  type Provisioner,
  parseProperties,
  physicalName,
  truth,
  UnsupportedResource,
} from '../deployment.ts';

const properties = v.object({
  VisibilityTimeout: v.optional(numeric),
  MessageRetentionPeriod: v.optional(numeric),
  MaximumMessageSize: v.optional(numeric),
  DelaySeconds: v.optional(numeric),
  ReceiveMessageWaitTimeSeconds: v.optional(numeric),
  FifoQueue: v.optional(truth),
  ContentBasedDeduplication: v.optional(truth),
  RedrivePolicy: v.optional(
    v.union([v.object({ deadLetterTargetArn: v.string(), maxReceiveCount: numeric }), v.string()]),
  ),
});

/** AWS::SQS::Queue */
export const provisionQueue: Provisioner = async (resource, deployment) => {
  const wanted = parseProperties(properties, resource);
  const name =
    physicalName(resource, 'QueueName', deployment, 75) + suffixOf(resource.properties.QueueName, wanted);
  const attributes = Object.entries(wanted).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, isObject(value) ? JSON.stringify(value) : String(value)] as const],
  );
  const created = await deployment.clients.sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: Object.fromEntries(attributes) }),
  );
  if (created.QueueUrl === undefined) throw new UnsupportedResource(resource, 'the queue server gave no URL');
  // The path only: the server's idea of its host need not resolve, and the SDK follows the URL's host.
  const url = new URL(new URL(created.QueueUrl).pathname, deployment.endpointVariables.AWS_ENDPOINT_URL_SQS)
    .href;
  const arn = `arn:aws:sqs:${deployment.region}:${deployment.accountId}:${name}`;
  deployment.queueUrls.set(arn, url);
  return { ref: url, attributes: { Arn: arn, QueueName: name, QueueUrl: url } };
};

function suffixOf(asked: unknown, wanted: v.InferOutput<typeof properties>): string {
  return wanted.FifoQueue === true && asked === undefined ? '.fifo' : '';
}

/** AWS::SNS::Topic */
export const provisionTopic: Provisioner = async (resource, deployment) => {
  const name = physicalName(resource, 'TopicName', deployment, 256);
  const created = await deployment.clients.sns.send(new CreateTopicCommand({ Name: name }));
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
export const provisionSubscription: Provisioner = async (resource, deployment) => {
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
  const made = await deployment.clients.sns.send(
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
