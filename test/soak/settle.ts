import { setTimeout as sleep } from 'node:timers/promises';
import { queueDepth } from '../../infra/cli/queue-depth.ts';
import type { World } from './world.ts';

const LOOK_EVERY_MS = 250;
/** Of the stack's time, whenever nobody works. */
const LEAP_MS = 30_000;

/** How the wait for the end went. */
export interface Settling {
  /** False when the time was up before the queue was empty. */
  readonly isDone: boolean;
  /** Milliseconds by which the stack's clock was moved. */
  readonly leapt: number;
}

/**
 * Waits until the queue holds nothing more, visible or not. Whenever nothing is due and nobody works, the stack's clock
 * leaps ahead to what is hidden until its next attempt.
 *
 * @param until real time, epoch milliseconds.
 */
export async function waitForEnd(
  { stack, clock, activity }: World,
  until: number,
  onLook: (left: number) => void,
): Promise<Settling> {
  const queueUrl = stack.outputs.QueueUrl ?? '';
  let leapt = 0;
  let before = -1;
  while (Date.now() < until) {
    const { waiting, hidden, delayed } = await queueDepth(stack.clients.sqs, queueUrl);
    const left = waiting + hidden + delayed;
    onLook(left);
    if (left === 0) return { isDone: true, leapt };
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
