import { CreateTopicCommand, SNSClient, SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { createMessagingApp } from '../../infra/local/aws/messaging-app.ts';

/** Queues and a topic of their own for a test file. */
export interface TestMessaging {
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
  readonly topicArn: string;
  /** Makes a queue and gives its URL. */
  queue(name: string): Promise<string>;
  /** Makes a queue that gets what is published on the topic, as it is, if its attributes match the filter policy. */
  subscribe(name: string, filterPolicy?: object): Promise<string>;
  /** Takes everything that is on a queue, with its attributes. */
  drain(queueUrl: string): Promise<Message[]>;
  close(): Promise<void>;
}

const SHARED = { region: 'us-east-1', credentials: { accessKeyId: 'k', secretAccessKey: 's' } };

export async function startMessaging(): Promise<TestMessaging> {
  const app = await createMessagingApp();
  const endpoint = await app.listen({ port: 0, host: '127.0.0.1' });
  const sqs = new SQSClient({ ...SHARED, endpoint });
  const sns = new SNSClient({ ...SHARED, endpoint });
  const { TopicArn: topicArn = '' } = await sns.send(new CreateTopicCommand({ Name: 'events' }));
  const queue = async (name: string) => {
    await sqs.send(new CreateQueueCommand({ QueueName: name }));
    return `${endpoint}/000000000000/${name}`;
  };
  return {
    sqs,
    sns,
    topicArn,
    queue,
    subscribe: async (name, filterPolicy) => {
      const QueueUrl = await queue(name);
      const { Attributes = {} } = await sqs.send(
        new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['QueueArn'] }),
      );
      const Subscription = { Protocol: 'sqs', Endpoint: Attributes.QueueArn };
      await sns.send(
        new SubscribeCommand({
          TopicArn: topicArn,
          ...Subscription,
          Attributes: {
            RawMessageDelivery: 'true',
            ...(filterPolicy !== undefined && { FilterPolicy: JSON.stringify(filterPolicy) }),
          },
        }),
      );
      return QueueUrl;
    },
    drain: async (QueueUrl) => {
      const all: Message[] = [];
      for (;;) {
        const { Messages = [] } = await sqs.send(
          new ReceiveMessageCommand({
            ...{ QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 },
            MessageAttributeNames: ['All'],
          }),
        );
        if (Messages.length === 0) return all;
        all.push(...Messages);
        const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
        await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
      }
    },
    close: async () => {
      sqs.destroy();
      sns.destroy();
      await app.close();
    },
  };
}
