/** Left at the end of an invocation for settling in the ledger and changing the message's visibility. */
const WIND_UP_MS = 10_000;

/** What one run of the function knows about itself. */
export interface Invocation {
  /** The owner of leases. */
  readonly id: string;
  /** Epoch milliseconds at which Lambda ends it: the end of its leases, too. */
  readonly endsAt: number;
  /** Epoch milliseconds by which copying must have stopped. */
  readonly stopAt: number;
}

/**
 * @param remainingMs milliseconds until the function times out.
 */
export function invocationOf(id: string, now: number, remainingMs: number): Invocation {
  const endsAt = now + Math.floor(remainingMs);
  return { id, endsAt, stopAt: endsAt - Math.ceil(Math.min(WIND_UP_MS, remainingMs / 5)) };
}
