import { asText } from '../../../json.ts';
import type { ServiceRequest } from '../../service-request.ts';
import type { AccessRequest } from '../access.ts';
import { contextOf, type Place, UnknownOperation } from './context.ts';

/** Batches need what their single operation needs. */
const ACTIONS: Readonly<Record<string, string>> = {
  ChangeMessageVisibility: 'ChangeMessageVisibility',
  ChangeMessageVisibilityBatch: 'ChangeMessageVisibility',
  CreateQueue: 'CreateQueue',
  DeleteMessage: 'DeleteMessage',
  DeleteMessageBatch: 'DeleteMessage',
  DeleteQueue: 'DeleteQueue',
  GetQueueAttributes: 'GetQueueAttributes',
  GetQueueUrl: 'GetQueueUrl',
  ListQueues: 'ListQueues',
  PurgeQueue: 'PurgeQueue',
  ReceiveMessage: 'ReceiveMessage',
  SendMessage: 'SendMessage',
  SendMessageBatch: 'SendMessage',
  SetQueueAttributes: 'SetQueueAttributes',
};

/**
 * What a request to SQS must be allowed
 * (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html).
 *
 * @throws {UnknownOperation}
 */
export function sqsAccessRequests(
  { operation, input, isSecure }: ServiceRequest,
  { region, accountId }: Place,
): AccessRequest[] {
  const action = ACTIONS[operation];
  if (action === undefined) throw new UnknownOperation('sqs', operation);
  // A queue is named by its URL, whose last segment is its name.
  const name = input.QueueUrl === undefined ? input.QueueName : asText(input.QueueUrl).split('/').at(-1);
  const resource = `arn:aws:sqs:${region}:${accountId}:${name === undefined ? '*' : asText(name)}`;
  return [{ action: `sqs:${action}`, resource, context: contextOf(isSecure) }];
}
