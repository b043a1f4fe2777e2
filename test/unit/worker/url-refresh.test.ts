import { describe, expect, it } from 'vitest';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import { SourceRefused } from '../../../lambda/worker/copy/errors.ts';
import { withFreshUrl } from '../../../lambda/worker/url-refresh.ts';
import { aFile, NOW } from '../../support/ledger-data.ts';
import { aRecovery } from '../../support/recoveries.ts';

/** Result of an attempt whose first URL the source refuses, and the number of requests to the API. */
async function attemptAt(now: number, deadline: number) {
  let requests = 0;
  const freshUrls = {
    of: async () => {
      requests += 1;
      return { url: 'https://storage.example/fresh', deadline };
    },
  };
  const attempt = async ({ url }: { readonly url: string }) => {
    if (!url.endsWith('/fresh')) throw new SourceRefused('the source responded 403');
    return 'copied';
  };
  const nothing = () => undefined;
  const logger = { info: nothing, warn: nothing, error: nothing, appendKeys: nothing, resetKeys: nothing };
  const result = withFreshUrl(
    aFile(),
    aRecovery({ deadline }),
    { freshUrls, logger, now: () => now },
    attempt,
  );
  return { result: await result.catch((error: unknown) => error), requests };
}

describe('withFreshUrl', () => {
  it('exchanges a URL that the source refuses before its deadline', async () => {
    expect(await attemptAt(NOW, NOW + HOUR_MS)).toEqual({ result: 'copied', requests: 1 });
  });

  it('does not request a fresh URL from the deadline on, since Zencoder has removed the file', async () => {
    for (const now of [NOW, NOW + HOUR_MS]) {
      const { result, requests } = await attemptAt(now, NOW);
      expect(result).toBeInstanceOf(SourceRefused);
      expect(requests).toBe(0);
    }
  });
});
