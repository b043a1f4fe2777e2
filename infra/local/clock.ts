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
