import type { RetryRequest } from '../../lambda/dashboard/actions.ts';
import { createDashboard } from '../../lambda/dashboard/app.tsx';
import type { Credential, DashboardCredentials } from '../../lambda/dashboard/credentials.ts';
import type { DashboardDependencies } from '../../lambda/dashboard/dependencies.ts';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import { HOUR_MS } from '../../lambda/shared/runtime/durations.ts';
import { NOW, RECORDED_BUCKET } from './ledger-data.ts';

export const CREDENTIALS: Credential = { username: 'dashboard', password: 'correct-horse-battery' };

export const VIEWER: Credential = { username: 'viewer', password: 'only-for-looking-at-things' };

/** A version of the secret with both. */
export const SECRET: DashboardCredentials = { operator: CREDENTIALS, viewer: VIEWER };

/** The dashboard over a ledger, with what it asked of its other dependencies. */
export interface TestDashboard {
  /** Sends a request with the credentials. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>;
  readonly post: (
    path: string,
    form: Record<string, string>,
    headers?: Record<string, string>,
  ) => Promise<Response>;
  /** Sends exactly this request, from this address. */
  readonly request: (path: string, init?: RequestInit, address?: string) => Promise<Response>;
  /** Counted metrics with their dimension, in order. */
  readonly counted: readonly (readonly [metric: string, dimension: string | undefined])[];
  readonly retries: readonly RetryRequest[];
  readonly errors: readonly unknown[];
}

export const ORIGIN = 'https://dashboard.example';

let addresses = 0;

/** An address that no password came from yet. */
export function anAddress(): string {
  addresses += 1;
  return `203.0.${Math.floor(addresses / 256)}.${addresses % 256}`;
}

/** `Authorization` for these credentials. */
export function basic({ username, password }: Credential = CREDENTIALS): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

export function aDashboard(ledger: Ledger, given: Partial<DashboardDependencies> = {}): TestDashboard {
  const retries: RetryRequest[] = [];
  const errors: unknown[] = [];
  const counted: (readonly [string, string | undefined])[] = [];
  const own = anAddress();
  const app = createDashboard({
    ledger,
    credentials: { validVersions: async () => [SECRET], reload: async () => null },
    retries: { request: async (request) => void retries.push(request) },
    downloads: {
      buckets: new Set([RECORDED_BUCKET]),
      urlOf: async ({ bucket, key }) => `https://${bucket}.example/${key}?X-Amz-Signature=abc`,
    },
    region: 'eu-central-1',
    atRiskMs: 6 * HOUR_MS,
    hasApiKey: true,
    log: { info: () => undefined, error: (_, facts) => void errors.push(facts.error) },
    meter: { add: (metric, _, dimension) => void counted.push([metric, dimension]) },
    now: () => NOW,
    ...given,
  });
  const request = async (path: string, init?: RequestInit, address = own) =>
    app.request(`${ORIGIN}${path}`, init, { requestContext: { http: { sourceIp: address } } });
  return {
    retries,
    errors,
    counted,
    request,
    get: (path, headers) => request(path, { headers: { authorization: basic(), ...headers } }),
    post: (path, form, headers) =>
      request(path, {
        method: 'POST',
        body: new URLSearchParams(form),
        headers: { authorization: basic(), origin: 'null', 'sec-fetch-site': 'same-origin', ...headers },
      }),
  };
}
