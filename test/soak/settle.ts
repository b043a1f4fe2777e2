import { setTimeout as sleep } from 'node:timers/promises';
import { queueDepth } from '../../infra/cli/lib/queues.ts';
import type { SoakEnvironment } from './environment.ts';

const LOOK_EVERY_MS = 250;
/** Of the stack's time, whenever no function works. */
const LEAP_MS = 30_000;

/** How the wait for the end went. */
export interface Settling {
  /** False when the time was up before the queue was empty and no event owed. */
  readonly isDone: boolean;
  /** Milliseconds by which the stack's clock was moved. */
  readonly leapt: number;
}

/**
 * Waits until the queue holds nothing more, visible or not, and no event is owed. Whenever nothing is due and no function
 * works, the stack's clock leaps ahead: to what is hidden until its next attempt, and to the next run of reconcile, which
 * publishes what is owed.
 *
 * @param until real time, epoch milliseconds.
 */
export async function waitForEnd(
  { stack, clock, activity, ledger, sqs }: SoakEnvironment,
  until: number,
  onLook: (left: { readonly messages: number; readonly events: number }) => void,
): Promise<Settling> {
  const queueUrl = stack.outputs.QueueUrl ?? '';
  let leapt = 0;
  let before = -1;
  while (Date.now() < until) {
    const { waiting, hidden, delayed } = await queueDepth(sqs, queueUrl);
    const messages = waiting + hidden + delayed;
    // Whatever their age: a mark is made before its message leaves the queue.
    const events = await ledger.outbox.countOwedBefore(clock.now() + LEAP_MS);
    onLook({ messages, events });
    if (messages === 0 && events === 0) return { isDone: true, leapt };
    const now = activity();
    if (waiting === 0 && now === before) {
      clock.advance(LEAP_MS);
      leapt += LEAP_MS;
    }
    before = now;
    await sleep(LOOK_EVERY_MS);
  }
  return { isDone: false, leapt };
}
