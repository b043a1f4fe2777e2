/** Requests a minute that Zencoder allows an account for one kind of call. */
const PER_MINUTE = 60;
const MINUTE = 60_000;

/** Where a caller stands after one more request. */
export interface Allowance {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Seconds until the count begins anew. */
  readonly retryAfter: number;
}

/** Counts requests by minute; each name has a count of its own. */
export class RateLimit {
  readonly #now: () => number;
  readonly #windows = new Map<string, { began: number; used: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  take(name: string): Allowance {
    const now = this.#now();
    const known = this.#windows.get(name);
    const window = known === undefined || now - known.began >= MINUTE ? { began: now, used: 0 } : known;
    this.#windows.set(name, window);
    const retryAfter = Math.ceil((window.began + MINUTE - now) / 1000);
    if (window.used >= PER_MINUTE) return { allowed: false, remaining: 0, retryAfter };
    window.used += 1;
    return { allowed: true, remaining: PER_MINUTE - window.used, retryAfter };
  }
}
