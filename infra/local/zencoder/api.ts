import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import type { Job, Output } from './job.ts';
import { jobDetails, jobProgress, outputDetails, type UrlOf } from './payload.ts';

/** Requests a minute that Zencoder allows an account for one kind of call. */
const PER_MINUTE = 60;

/** The rate limit of a caller after one more request. */
export interface Allowance {
  readonly allowed: boolean;
  readonly remaining: number;
  /** Seconds until the count begins again. */
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
    const window = known === undefined || now - known.began >= MINUTE_MS ? { began: now, used: 0 } : known;
    this.#windows.set(name, window);
    const retryAfter = Math.ceil((window.began + MINUTE_MS - now) / 1000);
    if (window.used >= PER_MINUTE) return { allowed: false, remaining: 0, retryAfter };
    window.used += 1;
    return { allowed: true, remaining: PER_MINUTE - window.used, retryAfter };
  }
}

/** A key of the account; a read-only one gets responses without URLs and without exact error messages. */
export interface ApiKey {
  readonly key: string;
  readonly access: 'full' | 'read-only';
}

export interface ApiState {
  /** Oldest first. */
  readonly jobs: readonly Job[];
  readonly keys: readonly ApiKey[];
  readonly limit: RateLimit;
  readonly urlOf: UrlOf;
}

export interface ApiRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  /** Of the `Zencoder-Api-Key` header. */
  readonly key: string | undefined;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** Responds to a request to `/api/v2/…` as documented. */
export function respond(request: ApiRequest, state: ApiState): ApiResponse {
  const url = new URL(request.target, 'http://zencoder.invalid');
  const given = request.key ?? url.searchParams.get('api_key');
  const key = state.keys.find((known) => known.key === given);
  if (key === undefined) return refuse(401, 'API key not found');
  const path = url.pathname.replace(/^\/api\/v2/, '').replace(/(\.json|\/)$/, '');
  const route = findRoute(request.method, path);
  if (route === undefined) return refuse(404, 'Not found');
  const allowance = state.limit.take(route.counted);
  const headers = { 'x-zencoder-rate-remaining': String(allowance.remaining) };
  if (!allowance.allowed) {
    return refuse(403, 'Rate Limit Exceeded', { ...headers, 'retry-after': String(allowance.retryAfter) });
  }
  const body = route.body(state, url.searchParams);
  if (body === undefined) return refuse(404, "Couldn't find what was asked for", headers);
  return { status: 200, headers, body: key.access === 'full' ? body : sanitise(body) };
}

interface Route {
  /** Calls for information share one count; progress has one for each job. */
  readonly counted: string;
  /** Undefined when there is no such job or output. */
  readonly body: (state: ApiState, query: URLSearchParams) => unknown;
}

function findRoute(method: string, path: string): Route | undefined {
  if (method !== 'GET') return undefined;
  if (path === '/jobs') return { counted: 'info', body: listJobs };
  const [, kind, id, rest] = /^\/(jobs|outputs)\/(\d+)(\/progress)?$/.exec(path) ?? [];
  if (kind === 'jobs' && rest === undefined) {
    return {
      counted: 'info',
      body: (state) => map(findJob(state, id), (job) => jobDetails(job, state.urlOf)),
    };
  }
  if (kind === 'jobs') {
    return { counted: `progress of ${id}`, body: (state) => map(findJob(state, id), jobProgress) };
  }
  if (kind === 'outputs' && rest === undefined) {
    return {
      counted: 'info',
      body: (state) => map(findOutput(state, id), ([job, output]) => outputDetails(job, output, state.urlOf)),
    };
  }
  return undefined;
}

function listJobs(state: ApiState, query: URLSearchParams): unknown {
  const perPage = Math.min(50, positive(query.get('per_page')) ?? 50);
  const page = positive(query.get('page')) ?? 1;
  const wanted = query.get('state');
  return state.jobs
    .filter((job) => wanted === null || job.state === wanted)
    .toSorted((a, b) => b.id - a.id)
    .slice((page - 1) * perPage, page * perPage)
    .map((job) => jobDetails(job, state.urlOf));
}

function findJob(state: ApiState, id: string | undefined): Job | undefined {
  return state.jobs.find((job) => String(job.id) === id);
}

function findOutput(state: ApiState, id: string | undefined): [Job, Output] | undefined {
  for (const job of state.jobs) {
    const output = job.outputs.find((candidate) => String(candidate.id) === id);
    if (output !== undefined) return [job, output];
  }
  return undefined;
}

function map<T, R>(value: T | undefined, to: (value: T) => R): R | undefined {
  return value === undefined ? undefined : to(value);
}

function positive(text: string | null): number | undefined {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

function refuse(status: number, error: string, headers: Readonly<Record<string, string>> = {}): ApiResponse {
  return { status, headers, body: { errors: [error] } };
}

/** The documentation only says that URLs and exact error messages are removed; here their fields are missing. */
function sanitise(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(sanitise);
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(
    Object.entries(body)
      .filter(([name]) => name !== 'url' && !name.endsWith('error_message'))
      .map(([name, value]) => [name, sanitise(value)]),
  );
}
