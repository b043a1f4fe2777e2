import { PublishBatchCommand, type SNSClient } from '@aws-sdk/client-sns';
import { encodeJson } from '../queue/messages.ts';
import { inBatches } from '../queue/send.ts';
import { RecoveryError } from '../runtime/errors.ts';
import { attributesOf, type RecoveryEvent, type TopicEvent } from './events.ts';

/**
 * All messages of one PublishBatch together, of SNS's 256 KB (https://docs.aws.amazon.com/sns/latest/api/API_PublishBatch.html);
 * the rest is for the attributes. An event alone has 100 KB at most: its texts are cut where they are read.
 */
const MAX_BATCH_BYTES = 262_144 - 8192;

/** The topic did not accept events; they are published again, with the same ids. */
export class EventsNotPublished extends RecoveryError {
  override readonly name = 'EventsNotPublished';
  override readonly category = 'transient';
  /** Ids of the events that it did not accept; it accepted all others. */
  readonly refused: ReadonlySet<string>;
  /** The first reason, as SNS or the SDK names it: `KMSAccessDeniedException`, `TimeoutError`. */
  readonly code: string;
  /** Whether it refused a call as a whole (its key, its policy, no response in time), and not single events. */
  readonly isOfTopic: boolean;

  constructor(refusals: readonly Refusal[], outOf: number) {
    const codes = [...new Set(refusals.map(({ code }) => code))];
    const ofCall = refusals.find((refusal) => refusal.cause !== undefined);
    super(`the topic did not take ${refusals.length} of ${outOf} events: ${codes.join(', ')}`, {
      cause: ofCall?.cause,
    });
    this.refused = new Set(refusals.map(({ id }) => id));
    this.code = codes[0] ?? UNKNOWN;
    this.isOfTopic = ofCall !== undefined;
  }
}

/** Why the topic did not accept an event. */
export interface Refusal {
  /** Of the event. */
  readonly id: string;
  readonly code: string;
  /** Of a call that failed as a whole. */
  readonly cause?: unknown;
}

const UNKNOWN = 'Unknown';

export interface EventPublisher<Event extends TopicEvent = RecoveryEvent> {
  /** @throws {EventsNotPublished} unless the topic accepted every one. */
  publish(events: readonly Event[]): Promise<void>;
}

/** The stack's SNS topic. */
export function createEventPublisher(sns: SNSClient, topicArn: string): EventPublisher<TopicEvent> {
  const publishBatch = async (encoded: readonly EncodedEvent[]): Promise<Refusal[]> => {
    const events = encoded.map(({ event }) => event);
    try {
      const { Failed = [] } = await sns.send(
        new PublishBatchCommand({
          TopicArn: topicArn,
          PublishBatchRequestEntries: encoded.map(entryOf),
        }),
      );
      const codes = new Map(Failed.map(({ Id, Code = UNKNOWN }) => [Id, Code]));
      return events.flatMap(({ id }, index) => {
        const code = codes.get(String(index));
        return code === undefined ? [] : [{ id, code }];
      });
    } catch (cause) {
      const code = cause instanceof Error ? cause.name : UNKNOWN;
      return events.map(({ id }) => ({ id, code, cause }));
    }
  };

  return {
    publish: async (events) => {
      const encoded = events.map((event) => ({ event, message: encodeJson(event) }));
      const batches = inBatches(encoded, ({ message }) => Buffer.byteLength(message), MAX_BATCH_BYTES);
      const refusals = (await Promise.all(batches.map(publishBatch))).flat();
      if (refusals.length > 0) throw new EventsNotPublished(refusals, events.length);
    },
  };
}

interface EncodedEvent {
  readonly event: TopicEvent;
  /** JSON. */
  readonly message: string;
}

function entryOf({ event, message }: EncodedEvent, index: number) {
  const attributes = Object.entries(attributesOf(event)).map(([name, value]) => [
    name,
    { DataType: 'String', StringValue: String(value) },
  ]);
  return {
    Id: String(index),
    Message: message,
    MessageAttributes: Object.fromEntries(attributes),
  };
}
