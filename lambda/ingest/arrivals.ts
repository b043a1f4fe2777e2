import { setTimeout as elapse } from 'node:timers/promises';
import { MINUTE_MS } from '../shared/runtime/durations.ts';

/** How long a response may wait for the note, from the beginning of its request's work on. */
const PATIENCE_MS = 500;

/** What notes the arrival of notifications. */
export interface ArrivalNotes {
  /** Writes that a notification has come; may fail. */
  readonly write: () => Promise<void>;
  readonly onError: (error: unknown) => void;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * Makes a function that notes the arrival of a notification, at most once a minute in each execution environment. It
 * never throws, and is over within half a second: Lambda freezes the environment after the response, so that a write
 * which nothing waits for would often be lost.
 */
export function arrivalNotes({ write, onError, now }: ArrivalNotes): () => Promise<void> {
  let next = 0;
  return async () => {
    if (now() < next) return;
    next = now() + MINUTE_MS;
    await Promise.race([write().catch(onError), elapse(PATIENCE_MS, undefined, { ref: false })]);
  };
}
