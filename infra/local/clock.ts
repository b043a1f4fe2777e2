/**
 * The time of a local stack: the machine's, plus an offset that tests can enlarge. The offset lives in shared memory,
 * so that every thread of the stack (functions, queue server) sees an advance at once.
 */
export interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Moves the time forward by these milliseconds; waiters that are due then are due at once. */
  advance(milliseconds: number): void;
  /** Calls back after every advance; gives a function that ends it. */
  onAdvance(listener: () => void): () => void;
  /** What a thread needs for {@link installClock}. */
  readonly offset: SharedArrayBuffer;
}

const RealDate = Date;

/** `setTimeout` takes no more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** A clock that shows the machine's time until it is advanced. */
export function createClock(): Clock {
  const offset = new SharedArrayBuffer(8);
  const cell = new BigInt64Array(offset);
  const listeners = new Set<() => void>();
  return {
    offset,
    now: () => RealDate.now() + Number(Atomics.load(cell, 0)),
    advance(milliseconds) {
      if (!Number.isFinite(milliseconds) || milliseconds < 0) {
        throw new RangeError(`a clock only moves forward, not by ${milliseconds} ms`);
      }
      Atomics.add(cell, 0, BigInt(Math.round(milliseconds)));
      for (const listener of listeners) listener();
    },
    onAdvance(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/**
 * Calls back once a clock shows a time: at once when it has passed, and on an advance past it.
 *
 * @param time epoch milliseconds
 * @returns a function that ends the wait
 */
export function callAt(clock: Clock, time: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let forget: () => void = () => undefined;
  const end = () => {
    clearTimeout(timer);
    forget();
  };
  const check = () => {
    clearTimeout(timer);
    const left = time - clock.now();
    if (left > 0) {
      timer = setTimeout(check, Math.min(left, LONGEST_TIMER_MS)).unref();
      return;
    }
    end();
    callback();
  };
  forget = clock.onAdvance(check);
  check();
  return end;
}

/** Resolves once a clock shows a time. @throws when the signal is aborted first */
export function waitUntil(clock: Clock, time: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    let end: () => void = () => undefined;
    const abort = () => {
      end();
      reject(new Error('the wait was ended', { cause: signal.reason }));
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    end = callAt(clock, time, () => {
      signal.removeEventListener('abort', abort);
      resolve();
    });
  });
}

/**
 * Makes `Date` of this thread follow a clock of another one. Timers (`setTimeout`) and `performance.now()` keep the
 * machine's pace: code that waits for a moment must look at `Date`, as code that runs in AWS has to anyway.
 */
export function installClock(offset: SharedArrayBuffer): void {
  const cell = new BigInt64Array(offset);
  const now = () => RealDate.now() + Number(Atomics.load(cell, 0));
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: (target) => new target(now()).toString(),
    get: (target, property, receiver) => (property === 'now' ? now : Reflect.get(target, property, receiver)),
  });
}
