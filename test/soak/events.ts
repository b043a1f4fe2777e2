import { SubscribeCommand } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
} from '@aws-sdk/client-sqs';
import * as v from 'valibot';
import type { LocalStack } from '../../infra/local/stack.ts';

/** What subscribers of the stack's events got. */
export interface Heard {
  /** Different events, by type. */
  readonly events: Readonly<Record<string, number>>;
  /** Deliveries beyond the first of each. */
  readonly repeated: number;
}

const event = v.object({ type: v.string(), id: v.string() });

/** Subscribes a queue to the stack's events. @returns a function that tells what has come. */
export async function listenToEvents({
  clients,
  endpoints,
  outputs,
}: LocalStack): Promise<() => Promise<Heard>> {
  const { sqs, sns } = clients;
  const created = await sqs.send(new CreateQueueCommand({ QueueName: 'soak-events' }));
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
    const ids = new Map<string, Set<string>>();
    let deliveries = 0;
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
      );
      if (Messages.length === 0) break;
      for (const { Body = '' } of Messages) {
        const { type, id } = v.parse(event, JSON.parse(Body));
        const known = ids.get(type) ?? new Set();
        ids.set(type, known.add(id));
        deliveries++;
      }
      const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }));
      await sqs.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    }
    const events = Object.fromEntries([...ids].map(([type, known]) => [type, known.size]));
    const distinct = Object.values(events).reduce((sum, count) => sum + count, 0);
    return { events, repeated: deliveries - distinct };
  };
}

/** Faults of what was heard: an event for each failed upload and for each recovered file, and no other. */
export function faultsOfHeard({ events }: Heard, jobs: number, files: number): string[] {
  const expected: Record<string, number> = { 'primary-failure': jobs, 'recovery-recovered': files };
  const types = new Set([...Object.keys(events), ...Object.keys(expected)]);
  return [...types].flatMap((type) => {
    const [got = 0, wanted = 0] = [events[type], expected[type]];
    return got === wanted ? [] : [`${got} different events of type ${type} instead of ${wanted}`];
  });
}
