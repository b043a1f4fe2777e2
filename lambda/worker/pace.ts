/** A rate says little before so much time has gone by. */
const MEASURE_MS = 30_000;

/** A copy that cannot end in time at its rate. */
export interface TooSlow {
  readonly bytesPerSecond: number;
  readonly bytesLeft: number;
  /** Until the deadline. */
  readonly secondsLeft: number;
}

export interface PaceOptions {
  /** Bytes of what is being copied. */
  readonly total: number;
  /** Epoch milliseconds. */
  readonly deadline: number;
  readonly now: () => number;
  /** Told once, as soon as it shows. */
  readonly onTooSlow: (pace: TooSlow) => void;
}

/**
 * Watches whether a copy can end before its deadline. The rate is measured from the first report on, so that parts of
 * earlier attempts do not count.
 *
 * @returns a function that is told how many bytes are there, those of earlier attempts included.
 */
export function createPace({ total, deadline, now, onTooSlow }: PaceOptions): (bytesDone: number) => void {
  let first: { readonly at: number; readonly bytes: number } | undefined;
  let told = false;
  return (bytesDone) => {
    const at = now();
    first ??= { at, bytes: bytesDone };
    const elapsed = at - first.at;
    if (told || elapsed < MEASURE_MS) return;
    const bytesPerMs = (bytesDone - first.bytes) / elapsed;
    const bytesLeft = total - bytesDone;
    if (bytesLeft <= bytesPerMs * Math.max(0, deadline - at)) return;
    told = true;
    onTooSlow({
      bytesPerSecond: Math.round(bytesPerMs * 1000),
      bytesLeft,
      secondsLeft: Math.max(0, Math.round((deadline - at) / 1000)),
    });
  };
}
