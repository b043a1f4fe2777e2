import { describe, expect, it } from 'vitest';
import { SourceRefused } from '../../../lambda/worker/copy/errors.ts';
import { withFreshUrl } from '../../../lambda/worker/url-refresh.ts';
import { aFile, HOUR, NOW } from '../../support/ledger-data.ts';
import { aRecovery } from '../../support/recoveries.ts';

/** An attempt with a URL that the source refuses, at a time, and how often the API was asked. */
async function refusedAt(now: number, deadline: number) {
  let asked = 0;
  const freshUrls = {
    of: async () => {
      asked += 1;
      return { url: 'https://storage.example/fresh', deadline };
    },
  };
  const attempt = async ({ url }: { readonly url: string }) => {
    if (!url.endsWith('/fresh')) throw new SourceRefused('the source answered 403');
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
  return { result: await result.catch((error: unknown) => error), asked };
}

describe('a URL that the source refuses', () => {
  it('is exchanged before its deadline', async () => {
    expect(await refusedAt(NOW, NOW + HOUR)).toEqual({ result: 'copied', asked: 1 });
  });

  it('is not exchanged at its deadline and after it: Zencoder is not asked for a file that it has removed', async () => {
    for (const now of [NOW, NOW + HOUR]) {
      const { result, asked } = await refusedAt(now, NOW);
      expect(result).toBeInstanceOf(SourceRefused);
      expect(asked).toBe(0);
    }
  });
});
