import { encodeMessage, type RecoveryMessage } from '../../lambda/shared/queue/messages.ts';
import type { ReceivedMessage, RecoveryQueue } from '../../lambda/worker/queue.ts';
import type { Scheduler } from './scheduler.ts';

/** As the stack sets `maxReceiveCount`: after this many deliveries SQS moves a message to the dead-letter queue. */
const MAX_RECEIVES = 340;
/** As the stack sets the queue's visibility timeout for an invocation of 15 minutes, milliseconds. */
export const VISIBILITY_MS = 990_000;

/** A message on the queue. */
export interface QueuedMessage {
  readonly id: string;
  readonly body: string;
  /** Milliseconds of the model's time. */
  visibleAt: number;
  receives: number;
  /** The handle of the last delivery; a standard queue accepts no other for a hidden message. */
  handle: string;
  state: 'queued' | 'deleted' | 'dead';
}

/** A standard SQS queue in memory, on the model's time: delivers at least once, in any order. */
export class ModelQueue {
  readonly messages: QueuedMessage[] = [];
  readonly #scheduler: Scheduler;
  readonly #now: () => number;

  constructor(scheduler: Scheduler, now: () => number) {
    this.#scheduler = scheduler;
    this.#now = now;
  }

  put(message: RecoveryMessage): void {
    const id = `m${this.messages.length + 1}`;
    const visibleAt = this.#now();
    this.messages.push({
      id,
      body: encodeMessage(message),
      visibleAt,
      receives: 0,
      handle: '',
      state: 'queued',
    });
  }

  /** Messages that are neither deleted nor dead, visible or not. */
  queued(): QueuedMessage[] {
    return this.messages.filter(({ state }) => state === 'queued');
  }

  visible(): QueuedMessage[] {
    return this.queued().filter(({ visibleAt }) => visibleAt <= this.#now());
  }

  /** Delivers a message. @returns null after its last delivery, when it is a dead letter. */
  receive(message: QueuedMessage): ReceivedMessage | null {
    message.receives += 1;
    if (message.receives > MAX_RECEIVES) {
      message.state = 'dead';
      return null;
    }
    message.handle = `${message.id}/${message.receives}`;
    message.visibleAt = this.#now() + VISIBILITY_MS;
    const { id, body, handle, receives } = message;
    return { messageId: id, body, receiptHandle: handle, receiveCount: receives };
  }

  /** Queues messages on behalf of a process. */
  async send(messages: readonly RecoveryMessage[]): Promise<void> {
    if (messages.length === 0) return;
    await this.#scheduler.call({
      label: `queue ${messages.map(summary).join(', ')}`,
      fates: ['refused', 'response-lost', 'repeated'],
      act: async () => {
        for (const message of messages) this.put(message);
      },
      refusal: () => Promise.reject(new Error('the queue refuses')),
    });
  }

  /** The queue as the worker uses it. @param now of the process, whose clock may differ. */
  adapter(now: () => number): RecoveryQueue {
    return {
      send: (messages) => this.send(messages),
      setVisibleAt: ({ receiptHandle }, at) =>
        this.#scheduler.call({
          label: `set ${receiptHandle} visible in ${Math.ceil((at - now()) / 1000)} s`,
          fates: ['refused', 'response-lost', 'repeated'],
          act: async () =>
            this.#setVisible(receiptHandle, Math.max(0, Math.ceil((at - now()) / 1000)) * 1000),
          refusal: () => Promise.reject(new Error('the queue refuses')),
        }),
      sendToDeadLetterQueue: (message) =>
        this.#scheduler.call({
          label: `dead letter ${message.messageId}`,
          fates: ['refused', 'response-lost'],
          act: async () => {
            const found = this.messages.find(({ id }) => id === message.messageId);
            if (found !== undefined) found.state = 'dead';
          },
          refusal: () => Promise.reject(new Error('the queue refuses')),
        }),
    };
  }

  #setVisible(handle: string, delayMs: number): void {
    const message = this.queued().find((queued) => queued.handle === handle);
    if (message === undefined) throw new Error('ReceiptHandleIsInvalid');
    if (message.visibleAt <= this.#now()) throw new Error('MessageNotInflight');
    message.visibleAt = this.#now() + delayMs;
  }
}

function summary(message: RecoveryMessage): string {
  switch (message.type) {
    case 'output':
      return `output (${message.files.map(({ filename }) => filename).join(' ')})`;
    case 'segment':
      return `segment ${message.segment}`;
    case 'redrive':
      return 'redrive';
  }
}
