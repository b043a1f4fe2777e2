/** A route that matched, with its path parameters (decoded). */
export interface RouteMatch<T> {
  readonly routeKey: string;
  readonly target: T;
  readonly pathParameters: Readonly<Record<string, string>>;
}

interface Route<T> {
  readonly routeKey: string;
  readonly method: string;
  readonly segments: readonly string[];
  readonly target: T;
}

/** The routes of one HTTP API: literal segments win over `{name}`, those over `{name+}`, a method over `ANY`. */
export class RouteTable<T> {
  readonly #routes: Route<T>[] = [];
  #fallback: T | undefined;

  /** @param routeKey e.g. `POST /notifications`, `ANY /{proxy+}`, `$default` */
  add(routeKey: string, target: T): void {
    if (routeKey === '$default') {
      this.#fallback = target;
      return;
    }
    const [method = '', path = ''] = routeKey.split(' ');
    this.#routes.push({ routeKey, method, segments: segmentsOf(path), target });
  }

  match(method: string, path: string): RouteMatch<T> | undefined {
    const segments = segmentsOf(path);
    const found = this.#routes
      .filter((route) => route.method === method || route.method === 'ANY')
      .filter((route) => matches(route.segments, segments))
      .toSorted((a, b) => rank(a) - rank(b));
    const [route] = found;
    if (route !== undefined) {
      const { routeKey, target } = route;
      return { routeKey, target, pathParameters: parametersOf(route.segments, segments) };
    }
    return this.#fallback === undefined
      ? undefined
      : { routeKey: '$default', target: this.#fallback, pathParameters: {} };
  }
}

function segmentsOf(path: string): string[] {
  return path.replace(/^\//, '').split('/');
}

function isGreedy(segment: string): boolean {
  return segment.startsWith('{') && segment.endsWith('+}');
}

function isParameter(segment: string): boolean {
  return segment.startsWith('{') && segment.endsWith('}');
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  const greedy = pattern.findIndex(isGreedy);
  if (greedy >= 0) {
    if (path.length <= greedy) return false;
  } else if (path.length !== pattern.length) {
    return false;
  }
  const fixed = greedy >= 0 ? pattern.slice(0, greedy) : pattern;
  return fixed.every((segment, index) =>
    isParameter(segment) ? path[index] !== '' : segment === path[index],
  );
}

/** Lower is better. */
function rank(route: Route<unknown>): number {
  const penalties: number[] = route.segments.map((segment) =>
    isGreedy(segment) ? 100 : isParameter(segment) ? 1 : 0,
  );
  return penalties.reduce((sum, penalty) => sum + penalty, 0) * 2 + (route.method === 'ANY' ? 1 : 0);
}

function parametersOf(pattern: readonly string[], path: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [index, segment] of pattern.entries()) {
    if (isGreedy(segment)) found[segment.slice(1, -2)] = path.slice(index).join('/');
    else if (isParameter(segment)) found[segment.slice(1, -1)] = path[index] ?? '';
  }
  return found;
}
