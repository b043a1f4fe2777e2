import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aDashboard } from '../../support/dashboard.ts';
import { gone, textOf } from '../../support/dashboard-data.ts';
import { startLedger, type TestLedger } from '../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

const SCRIPT = '<script>alert(1)</script>';
const ATTRIBUTE = '" onmouseover="alert(1)" x="';
const OVERRIDE = '\u202egnp.exe';

/** Markup without the values of attributes and without text. */
function withoutValues(html: string): string {
  return html.replace(/="[^"]*"/g, '').replace(/>[^<]*</g, '><');
}

describe('untrusted text', () => {
  it('is escaped on every page, whatever it contains', async () => {
    const hostile = `${SCRIPT}${ATTRIBUTE}${OVERRIDE}'</title></textarea>`;
    const { jobId, outputId } = await gone(ledger, 'lost', {
      label: hostile,
      passThrough: hostile,
      failure: {
        errorClass: 'Brand"><script>New',
        message: hostile,
        link: null,
        destinationHost: 'a"><b>.example',
      },
      file: { filename: `${hostile}.mp4`, thumbnailLabel: hostile },
    });
    const { get } = aDashboard(ledger);
    const paths = ['/', '/errors', `/jobs/${jobId}`, `/jobs/${jobId}/outputs/${outputId}`];
    for (const path of paths) {
      const html = await (await get(path)).text();
      expect(html).not.toContain('<script>');
      expect(withoutValues(html)).not.toContain('onmouseover');
      expect(html).not.toContain('\u202e');
      expect(html.match(/<\/title>/g)?.length).toBe(
        1 + (html.match(/<svg role="img"/g)?.length ?? 0) + (html.match(/<rect class="hit"/g)?.length ?? 0),
      );
      if (path !== '/errors') expect(textOf(html)).toContain('<script>alert(1)</script>');
    }
  });

  it.each(['javascript:alert(1)', 'https://evil.example/docs', 'http://app.zencoder.com/docs/errors/X'])(
    'the link %s is shown and not followed',
    async (link) => {
      const { jobId, outputId } = await gone(ledger, 'lost', { failure: { link } });
      const html = await (await aDashboard(ledger).get(`/jobs/${jobId}/outputs/${outputId}`)).text();
      expect(html).not.toContain(`href="${link}`);
      expect(textOf(html)).toContain(`Zencoder’s link: ${link}`);
    },
  );
});

describe('the query of a URL', () => {
  it('is escaped wherever a page repeats it', async () => {
    const { get } = aDashboard(ledger);
    const markup = fc.constantFrom(SCRIPT, ATTRIBUTE, "'><img src=x>", '\u202e', '</select>');
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.constantFrom('since', 'until', 'error', 'host', 'state', 'role', 'limit'), markup),
        async (query) => {
          const html = await (await get(`/?${new URLSearchParams(query).toString()}`)).text();
          expect(html).not.toMatch(/<script>|<img|\u202e/);
          expect(withoutValues(html)).not.toContain('onmouseover');
          expect(html.match(/<\/select>/g)?.length ?? 0).toBe(html.match(/<select/g)?.length ?? 0);
        },
      ),
      { numRuns: 40 },
    );
  });
});
