import type { RetryRequest } from '../../lambda/dashboard/actions.ts';
import { createDashboard } from '../../lambda/dashboard/app.tsx';
import type { DashboardCredentials } from '../../lambda/dashboard/auth.ts';
import type { DashboardDependencies } from '../../lambda/dashboard/dependencies.ts';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import { HOUR_MS } from '../../lambda/shared/runtime/durations.ts';
import { NOW } from './ledger-data.ts';

export const CREDENTIALS: DashboardCredentials = { username: 'dashboard', password: 'correct-horse-battery' };

/** The dashboard over a ledger, with what it asked of its other dependencies. */
export interface TestDashboard {
  /** Sends a request with the credentials. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>;
  readonly post: (
    path: string,
    form: Record<string, string>,
    headers?: Record<string, string>,
  ) => Promise<Response>;
  /** Sends exactly this request. */
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  readonly retries: readonly RetryRequest[];
  readonly errors: readonly unknown[];
}

export const ORIGIN = 'https://dashboard.example';

/** `Authorization` for these credentials. */
export function basic({ username, password }: DashboardCredentials = CREDENTIALS): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

export function aDashboard(ledger: Ledger, given: Partial<DashboardDependencies> = {}): TestDashboard {
  const retries: RetryRequest[] = [];
  const errors: unknown[] = [];
  const app = createDashboard({
    ledger,
    credentials: { validVersions: async () => [CREDENTIALS], reload: async () => null },
    retries: { request: async (request) => void retries.push(request) },
    downloads: { urlOf: async ({ bucket, key }) => `https://${bucket}.example/${key}?X-Amz-Signature=abc` },
    region: 'eu-central-1',
    atRiskMs: 6 * HOUR_MS,
    hasApiKey: true,
    log: { info: () => undefined, error: (_, facts) => void errors.push(facts.error) },
    now: () => NOW,
    ...given,
  });
  const request = async (path: string, init?: RequestInit) => app.request(`${ORIGIN}${path}`, init);
  return {
    retries,
    errors,
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
