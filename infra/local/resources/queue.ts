import { CreateQueueCommand } from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import { isObject } from '../json.ts';
import { numeric, parseProperties, truth } from './parse.ts';
import { type Maker, physicalName, UnsupportedResource } from './world.ts';

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
export const makeQueue: Maker = async (resource, world) => {
  const wanted = parseProperties(properties, resource);
  const name =
    physicalName(resource, 'QueueName', world, 75) + suffixOf(resource.properties.QueueName, wanted);
  const attributes = Object.entries(wanted).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, isObject(value) ? JSON.stringify(value) : String(value)] as const],
  );
  const created = await world.clients.sqs.send(
    new CreateQueueCommand({ QueueName: name, Attributes: Object.fromEntries(attributes) }),
  );
  if (created.QueueUrl === undefined) throw new UnsupportedResource(resource, 'the queue server gave no URL');
  // The path only: the server's idea of its host need not resolve, and the SDK follows the URL's host.
  const url = new URL(new URL(created.QueueUrl).pathname, world.endpointVariables.AWS_ENDPOINT_URL_SQS).href;
  const arn = `arn:aws:sqs:${world.region}:${world.accountId}:${name}`;
  world.queueUrls.set(arn, url);
  return { ref: url, attributes: { Arn: arn, QueueName: name, QueueUrl: url } };
};

function suffixOf(asked: unknown, wanted: v.InferOutput<typeof properties>): string {
  return wanted.FifoQueue === true && asked === undefined ? '.fifo' : '';
}
