import { PublishBatchCommand, type SNSClient } from '@aws-sdk/client-sns';
import { encodeJson } from './encode-message.ts';
import { RecoveryError } from './errors.ts';
import { attributesOf, type RecoveryEvent } from './events.ts';

/** SNS's limit of messages a batch. An event has a few KB at most, so ten are far below its 256 KB. */
const BATCH_EVENTS = 10;

/** The topic did not take events; they are published again, with the same ids. */
export class EventsNotPublished extends RecoveryError {
  override readonly name = 'EventsNotPublished';
  override readonly meaning = 'try-again';
}

export interface EventPublisher {
  /** @throws {EventsNotPublished} unless the topic took every one. */
  publish(events: readonly RecoveryEvent[]): Promise<void>;
}

/** The stack's SNS topic. */
export function createEventPublisher(sns: SNSClient, topicArn: string): EventPublisher {
  const publishBatch = async (events: readonly RecoveryEvent[]): Promise<void> => {
    const answer = await sns
      .send(new PublishBatchCommand({ TopicArn: topicArn, PublishBatchRequestEntries: events.map(entryOf) }))
      .catch((cause: unknown) => {
        throw new EventsNotPublished('the topic did not answer', { cause });
      });
    const refused = answer.Failed ?? [];
    if (refused.length === 0) return;
    const codes = [...new Set(refused.map(({ Code }) => Code))].join(', ');
    throw new EventsNotPublished(
      `the topic did not take ${refused.length} of ${events.length} events: ${codes}`,
    );
  };

  return {
    publish: async (events) => {
      const batches = Array.from({ length: Math.ceil(events.length / BATCH_EVENTS) }, (_, index) =>
        events.slice(index * BATCH_EVENTS, (index + 1) * BATCH_EVENTS),
      );
      await Promise.all(batches.map(publishBatch));
    },
  };
}

function entryOf(event: RecoveryEvent, index: number) {
  const attributes = Object.entries(attributesOf(event)).map(([name, value]) => [
    name,
    { DataType: 'String', StringValue: String(value) },
  ]);
  return {
    Id: String(index),
    Message: encodeJson(event),
    MessageAttributes: Object.fromEntries(attributes),
  };
}
