import { type Clock, waitUntil } from '../../clock.ts';
import { FunctionError, FunctionThrottled, RecursionStopped } from './protocol.ts';

/** A function's settings of asynchronous invocation, `AWS::Lambda::EventInvokeConfig`. */
export interface AsyncSettings {
  /** How often an event is tried again after the function failed, 0 to 2. */
  readonly retryAttempts: number;
  /** How long an event is kept, in seconds: 60 to 21600. */
  readonly maxAgeSeconds: number;
}

/** What a function has that nothing was set for. */
export const DEFAULT_ASYNC_SETTINGS: AsyncSettings = { retryAttempts: 2, maxAgeSeconds: 6 * 60 * 60 };

/** Runs one event, JSON, with the trace header that came with it. */
type Invoke = (event: string, trace: string | undefined) => Promise<unknown>;

/** Pauses before the first and the second retry after the function failed. */
const RETRY_MS = [60_000, 120_000];
const FIRST_THROTTLE_MS = 1000;
const MAX_THROTTLE_MS = 300_000;

/**
 * The events of a function that was invoked asynchronously. Lambda keeps each one and tries again: after an error of the
 * function one and then two minutes later, while it is throttled after a second and then ever longer, up to five minutes;
 * until the event is too old (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html).
 */
export class AsyncQueue {
  settings: AsyncSettings = DEFAULT_ASYNC_SETTINGS;
  readonly #clock: Clock;
  readonly #invoke: Invoke;
  readonly #dropped: (reason: string) => void;
  readonly #closing = new AbortController();

  /** @param dropped called for each event that is given up */
  constructor(clock: Clock, invoke: Invoke, dropped: (reason: string) => void) {
    this.#clock = clock;
    this.#invoke = invoke;
    this.#dropped = dropped;
  }

  /** Takes an event over; it runs at once, or when it can. */
  add(event: string, trace: string | undefined): void {
    this.#run(event, trace).catch((error: unknown) => {
      if (!this.#closing.signal.aborted)
        this.#dropped(error instanceof Error ? error.message : String(error));
    });
  }

  /** Forgets what is waiting. */
  close(): void {
    this.#closing.abort();
  }

  /** @throws the last error, when the event is given up */
  async #run(event: string, trace: string | undefined): Promise<void> {
    const accepted = this.#clock.now();
    let failures = 0;
    let throttles = 0;
    for (;;) {
      let error: unknown;
      try {
        await this.#invoke(event, trace);
        return;
      } catch (thrown) {
        error = thrown;
      }
      const pause =
        error instanceof FunctionThrottled
          ? Math.min(MAX_THROTTLE_MS, FIRST_THROTTLE_MS * 2 ** throttles++)
          : this.#pauseAfter(error, ++failures);
      const next = this.#clock.now() + pause;
      if (next > accepted + this.settings.maxAgeSeconds * 1000) throw error;
      await waitUntil(this.#clock, next, this.#closing.signal);
    }
  }

  /** @throws the error, unless the event is tried again */
  #pauseAfter(error: unknown, failures: number): number {
    if (error instanceof RecursionStopped) throw error;
    const pause = failures > this.settings.retryAttempts ? undefined : RETRY_MS[failures - 1];
    if (!(error instanceof FunctionError) || pause === undefined) throw error;
    return pause;
  }
}
