import { SourceStalled } from './errors.ts';

/** When a connection that brings too little is given up. */
export interface StallLimits {
  /** Milliseconds without a single byte. */
  readonly silenceMs: number;
  /** Milliseconds over which the rate is measured. */
  readonly windowMs: number;
  /** Bytes a second that a transfer has to bring on average over each window. */
  readonly minBytesPerSecond: number;
}

/** S3 gives 10 to 90 MB/s a connection; a fast source is waited for less long than a dead one costs. */
export const DEFAULT_STALL_LIMITS: StallLimits = {
  silenceMs: 20_000,
  windowMs: 30_000,
  minBytesPerSecond: 64 * 1024,
};

/**
 * Watches a transfer until the timer that it returns is cleared.
 *
 * @param received bytes so far; null while there is nothing to watch.
 * @param onStall called when the transfer is below its limits.
 */
export function watchForStall(
  limits: StallLimits,
  received: () => number | null,
  onStall: (error: SourceStalled) => void,
): NodeJS.Timeout {
  const every = Math.max(10, Math.min(limits.silenceMs, limits.windowMs, 4000) / 4);
  let lookedAt = performance.now();
  let seen = 0;
  let heardAt = lookedAt;
  let window = { from: lookedAt, bytes: 0 };
  const look = () => {
    const bytes = received();
    if (bytes === null) return;
    const now = performance.now();
    // While this process itself stood still, nothing could be received: such time does not count.
    const stoodStill = Math.max(0, now - lookedAt - 2 * every);
    lookedAt = now;
    heardAt = bytes === seen ? heardAt + stoodStill : now;
    window.from += stoodStill;
    seen = bytes;
    if (now - heardAt >= limits.silenceMs) {
      onStall(new SourceStalled(`the source sent nothing for ${limits.silenceMs} ms`));
    } else if (now - window.from >= limits.windowMs) {
      const rate = ((bytes - window.bytes) / (now - window.from)) * 1000;
      if (rate < limits.minBytesPerSecond) {
        onStall(new SourceStalled(`the source sent fewer than ${limits.minBytesPerSecond} bytes a second`));
      }
      window = { from: now, bytes };
    }
  };
  return setInterval(look, every);
}
