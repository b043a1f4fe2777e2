import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clientLimits } from '../../../../lambda/shared/runtime/client-limits.ts';

const ROOT = new URL('../../../../lambda/', import.meta.url);
const CLIENT_FILES = [
  'ingest/handler.ts',
  'worker/handler.ts',
  'reconcile/handler.ts',
  'dashboard/handler.ts',
  'shared/zencoder/api-key.ts',
];

describe('clientLimits', () => {
  it('limits the time to connect, to respond and between bytes, and the number of attempts', () => {
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

  it.each(CLIENT_FILES)('limits every client that %s creates', (file) => {
    const created = [...readFileSync(new URL(file, ROOT), 'utf8').matchAll(/new \w+Client\((.*?)\)/g)];
    expect(created.length).toBeGreaterThan(0);
    for (const [call, options] of created) expect(options, call).toMatch(/^(?:clientLimits\(|limits$)/);
  });
});
