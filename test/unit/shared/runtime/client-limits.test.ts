import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientLimits } from '../../../../lambda/shared/runtime/client-limits.ts';

const ROOT = new URL('../../../../lambda/', import.meta.url);
const MADE_IN = [
  'ingest/handler.ts',
  'worker/handler.ts',
  'reconcile/handler.ts',
  'dashboard/handler.ts',
  'shared/zencoder/api-key.ts',
];

describe('clientLimits', () => {
  it('bounds connecting, the answer, silence within it, and the number of attempts', () => {
    expect(clientLimits({ requestMs: 3000, attempts: 2 })).toEqual({
      maxAttempts: 2,
      requestHandler: {
        connectionTimeout: 1000,
        requestTimeout: 3000,
        throwOnRequestTimeout: true,
        socketTimeout: 3000,
      },
    });
  });

  it.each(MADE_IN)('are given to every client that %s makes', (file) => {
    const made = [...readFileSync(new URL(file, ROOT), 'utf8').matchAll(/new \w+Client\((.*?)\)/g)];
    expect(made.length).toBeGreaterThan(0);
    for (const [call, options] of made) expect(options, call).toMatch(/^(?:clientLimits\(|limits$)/);
  });
});
