import type { RetryRequest } from '../../lambda/dashboard/actions.ts';
import { createDashboard } from '../../lambda/dashboard/app.tsx';
import type { DashboardCredentials } from '../../lambda/dashboard/auth.ts';
import type { DashboardWorld } from '../../lambda/dashboard/dependencies.ts';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import { HOUR, NOW } from './ledger-data.ts';

export const CREDENTIALS: DashboardCredentials = { username: 'dashboard', password: 'correct-horse-battery' };

/** The dashboard over a ledger, with what it did to the rest of the world. */
export interface TestDashboard {
  /** Asks as who has the credentials. */
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Response>;
  readonly post: (
    path: string,
    form: Record<string, string>,
    headers?: Record<string, string>,
  ) => Promise<Response>;
  /** Asks with exactly this. */
  readonly request: (path: string, init?: RequestInit) => Promise<Response>;
  readonly retries: readonly RetryRequest[];
  readonly faults: readonly unknown[];
}

export const ORIGIN = 'https://dashboard.example';

/** `Authorization` for these credentials. */
export function basic({ username, password }: DashboardCredentials = CREDENTIALS): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

export function aDashboard(ledger: Ledger, given: Partial<DashboardWorld> = {}): TestDashboard {
  const retries: RetryRequest[] = [];
  const faults: unknown[] = [];
  const app = createDashboard({
    ledger,
    credentials: { validVersions: async () => [CREDENTIALS], reload: async () => null },
    retries: { request: async (request) => void retries.push(request) },
    downloads: { urlOf: async ({ bucket, key }) => `https://${bucket}.example/${key}?X-Amz-Signature=abc` },
    region: 'eu-central-1',
    atRiskMs: 6 * HOUR,
    hasApiKey: true,
    log: { info: () => undefined, error: (_, facts) => void faults.push(facts.error) },
    now: () => NOW,
    ...given,
  });
  const request = async (path: string, init?: RequestInit) => app.request(`${ORIGIN}${path}`, init);
  return {
    retries,
    faults,
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
