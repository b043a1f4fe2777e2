import type { RecoveryEvent } from '../../lambda/shared/events/events.ts';
import { type EventPublisher, EventsNotPublished } from '../../lambda/shared/events/publisher.ts';
import type { Scheduler } from './scheduler.ts';

/** The SNS topic in memory: it may accept a part of a batch, and refuse for a while. */
export class ModelTopic implements EventPublisher {
  readonly published: RecoveryEvent[] = [];
  readonly #scheduler: Scheduler;
  readonly #refuses: () => boolean;
  readonly #onEvent: (event: RecoveryEvent) => void;

  constructor(scheduler: Scheduler, refuses: () => boolean, onEvent: (event: RecoveryEvent) => void) {
    this.#scheduler = scheduler;
    this.#refuses = refuses;
    this.#onEvent = onEvent;
  }

  async publish(events: readonly RecoveryEvent[]): Promise<void> {
    if (events.length === 0) return;
    const notPublished = (refused: readonly RecoveryEvent[], code: string, cause?: unknown) =>
      new EventsNotPublished(
        refused.map(({ id }) => ({ id, code, cause })),
        events.length,
      );
    const loss = () => notPublished(events, 'TimeoutError', new Error('the topic did not respond'));
    const refusal = async () => {
      this.#accept(events.slice(1));
      throw notPublished(events.slice(0, 1), 'InternalError');
    };
    await this.#scheduler.call({
      label: `publish ${events.map(({ type, role }) => `${type} ${role}`).join(', ')}`,
      fates: ['refused', 'response-lost', 'repeated'],
      act: async () => {
        if (this.#refuses()) {
          throw notPublished(events, 'AuthorizationError', new Error('the topic refuses'));
        }
        this.#accept(events);
      },
      refusal,
      loss,
    });
  }

  #accept(events: readonly RecoveryEvent[]): void {
    for (const event of events) {
      this.published.push(event);
      this.#onEvent(event);
    }
  }
}
