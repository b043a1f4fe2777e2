/** What may be asked of a route. */
export interface RouteThrottle {
  /** Requests a second, in the long run. */
  readonly rate: number;
  /** Requests at once: the size of the bucket. */
  readonly burst: number;
}

interface Bucket {
  readonly tokens: number;
  /** Milliseconds at which it had that many. */
  readonly at: number;
}

/**
 * The throttles of a stage: a bucket of tokens for each route, one token a request. A route without settings of its own has
 * the stage's default (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-throttling.html). AWS calls
 * its limits targets; here they are exact.
 */
export class RouteThrottles {
  readonly #fallback: RouteThrottle | undefined;
  readonly #routes: ReadonlyMap<string, RouteThrottle>;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now milliseconds that only grow: a clock that tests set is no measure of a rate. */
  constructor(
    fallback: RouteThrottle | undefined,
    routes: ReadonlyMap<string, RouteThrottle>,
    now: () => number = () => performance.now(),
  ) {
    this.#fallback = fallback;
    this.#routes = routes;
    this.#now = now;
  }

  /** Takes a token for a request; false when the route has none left, which is a 429. */
  admits(routeKey: string): boolean {
    const throttle = this.#routes.get(routeKey) ?? this.#fallback;
    if (throttle === undefined) return true;
    const now = this.#now();
    const { tokens, at } = this.#buckets.get(routeKey) ?? { tokens: throttle.burst, at: now };
    const filled = Math.min(throttle.burst, tokens + ((now - at) / 1000) * throttle.rate);
    const admitted = filled >= 1;
    this.#buckets.set(routeKey, { tokens: admitted ? filled - 1 : filled, at: now });
    return admitted;
  }
}
