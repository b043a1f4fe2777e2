/** How long to wait between attempts: the first wait, doubled for each further one, up to the longest. Milliseconds. */
export interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/**
 * Milliseconds to wait after a failed attempt: exponential, the upper half of each step jittered, so that what failed
 * together does not try again together.
 *
 * @param attempts made so far, the failed one included; at least 1.
 * @param jitter from 0 to 1; `Math.random()`.
 * @example
 * await sleep(backOffMs({ firstMs: 250, maxMs: 10_000 }, { attempts: 2, jitter: 0.5 })); // 375 ms
 */
export function backOffMs(
  { firstMs, maxMs }: BackOff,
  { attempts, jitter }: { readonly attempts: number; readonly jitter: number },
): number {
  const step = Math.min(maxMs, firstMs * 2 ** (attempts - 1));
  return step * (0.5 + jitter / 2);
}
