import { stalledAfterMs } from '../../lambda/reconcile/open-recoveries.ts';
import { reconcile } from '../../lambda/reconcile/reconcile.ts';
import { HOUR_MS, MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';
import type { ZencoderApi } from '../../lambda/shared/zencoder/api.ts';
import type { StorageAllowList } from '../../lambda/shared/zencoder/storage.ts';
import { invocationOf } from '../../lambda/worker/invocation.ts';
import type { KeyTemplate } from '../../lambda/worker/key-template.ts';
import { processMessage } from '../../lambda/worker/process-message.ts';
import type { Random } from '../soak/random.ts';
import type { Chaos } from './chaos.ts';
import type { Journal } from './journal.ts';
import { INVOCATION_MS, type Invocation, type Processes } from './processes.ts';
import { type ModelQueue, type QueuedMessage, VISIBILITY_MS } from './queue.ts';
import type { Scheduler } from './scheduler.ts';
import { BUCKET, type ModelServers } from './servers.ts';
import type { ModelTopic } from './topic.ts';

/** More than what a day of retries costs, one in fifteen minutes and as many of a message in reserve. */
const MANY_DELIVERIES = 220;

/** What the run has set up for its functions. */
export interface ModelParts {
  readonly scheduler: Scheduler;
  readonly processes: Processes;
  readonly queue: ModelQueue;
  readonly topic: ModelTopic;
  readonly chaos: Chaos;
  readonly random: Random;
  readonly journal: Journal;
}

/** Settings of the stack in this run. */
export interface ModelSettings {
  readonly keyTemplate: KeyTemplate;
  readonly storage: StorageAllowList;
  readonly api: ZencoderApi | null;
}

export interface InvocationsOptions {
  readonly servers: ModelServers;
  readonly parts: ModelParts;
  readonly settings: ModelSettings;
  /** Epoch milliseconds of the model's time. */
  readonly now: () => number;
  /** Called when the worker has completed a message. */
  readonly onDone: () => void;
}

/** Starts invocations of the worker and of reconcile, each in a process of its own. */
export class Invocations {
  readonly #servers: ModelServers;
  readonly #parts: ModelParts;
  readonly #settings: ModelSettings;
  readonly #now: () => number;
  readonly #onDone: () => void;

  constructor({ servers, parts, settings, now, onDone }: InvocationsOptions) {
    this.#servers = servers;
    this.#parts = parts;
    this.#settings = settings;
    this.#now = now;
    this.#onDone = onDone;
  }

  /** Delivers a message to the worker. */
  deliver(message: QueuedMessage): void {
    const received = this.#parts.queue.receive(message);
    if (received === null) {
      this.#parts.journal.fault('a message went to the dead-letter queue');
      return;
    }
    if (received.receiveCount === MANY_DELIVERIES)
      this.#parts.journal.fault(`a message was delivered ${MANY_DELIVERIES} times`);
    const invocation = this.#parts.processes.begin('worker ');
    const { process, engine, now } = invocation;
    const kind = /"type":"(\w+)"/.exec(message.body)?.[1] ?? '';
    this.#parts.journal.log(`${process.name} takes ${message.id} (${kind}, delivery ${message.receives})`);
    if (this.#parts.chaos.hits('delivered twice', 0.03)) message.visibleAt = this.#now();
    const finished = this.#parts.scheduler.as(process, () =>
      processMessage(received, invocationOf(process.name, now(), INVOCATION_MS), {
        ledger: this.#servers.ledger.with({ now }),
        engine,
        queue: this.#parts.queue.adapter(now),
        bucket: BUCKET,
        keyTemplate: this.#settings.keyTemplate,
        storage: this.#settings.storage,
        api: this.#settings.api,
        events: this.#parts.topic,
        meter: { add: () => undefined },
        logger: this.#parts.journal.loggerOf(process.name),
        now,
        random: () => this.#parts.random.next(),
      }),
    );
    this.#finish(invocation, finished, (isDone) => {
      const isVisible = message.visibleAt <= this.#now();
      this.#parts.journal.log(`${process.name} ${isDone ? 'completes' : 'keeps'} ${message.id}`);
      if (!isDone) return;
      if (this.#parts.chaos.hits('not deleted', 0.02))
        message.visibleAt = isVisible ? this.#now() : this.#now() + VISIBILITY_MS;
      else if (message.state === 'queued') message.state = 'deleted';
      this.#onDone();
    });
  }

  reconcile(): void {
    const invocation = this.#parts.processes.begin('reconcile ');
    const { process, now } = invocation;
    const finished = this.#parts.scheduler.as(process, () =>
      reconcile(
        {
          ledger: this.#servers.ledger.with({ now }),
          api: this.#settings.api,
          send: (messages) => this.#parts.queue.send(messages),
          backlog: async () => this.#parts.queue.visible().length,
          events: this.#parts.topic,
          settings: { storage: this.#settings.storage, collectUnsentOutputs: false },
          atRiskMs: 6 * HOUR_MS,
          stalledAfterMs: stalledAfterMs(VISIBILITY_MS / 1000),
          meter: { add: () => undefined },
          logger: this.#parts.journal.loggerOf(process.name),
          now,
        },
        now() + 5 * MINUTE_MS,
      ),
    );
    this.#finish(invocation, finished, () => this.#parts.journal.log(`${process.name} ends`));
  }

  #finish<T>(invocation: Invocation, finished: Promise<T>, then: (result: T) => void): void {
    finished
      .then(then, (error: unknown) => {
        this.#parts.journal.log(`${invocation.process.name} threw ${String(error)}`);
      })
      .finally(() => this.#parts.processes.end(invocation));
  }
}
