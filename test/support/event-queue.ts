import { SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import type { LocalStack } from '../../infra/local/stack.ts';

/**
 * Subscribes a queue to the stack's events.
 *
 * @returns a function that gives the bodies of what has been delivered since its last call.
 */
export async function subscribeToEvents({
  clients,
  endpoints,
  outputs,
}: LocalStack): Promise<() => Promise<string[]>> {
  const { sqs, sns } = clients;
  const created = await sqs.send(new CreateQueueCommand({ QueueName: 'subscriber' }));
  const QueueUrl = new URL(new URL(created.QueueUrl ?? '').pathname, endpoints.sqs).href;
  const { Attributes = {} } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
  );
  await sns.send(
    new SubscribeCommand({
      TopicArn: outputs.EventsTopicArn,
      Protocol: 'sqs',
      Endpoint: Attributes.QueueArn,
      Attributes: { RawMessageDelivery: 'true' },
    }),
  );
  return async () => {
    const bodies: string[] = [];
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
      );
      if (Messages.length === 0) return bodies;
      bodies.push(...Messages.map(({ Body = '' }) => Body));
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
  };
}
