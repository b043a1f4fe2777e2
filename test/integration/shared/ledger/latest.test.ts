import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

const noon = Date.parse('2026-11-25T12:00:00Z');

describe('the times of the last notification and preflight', () => {
  it('are null before the first, each for itself', async () => {
    expect(await ledger.latest.read()).toEqual({ notification: null, preflight: null });
    await ledger.at(noon).latest.noteNotification();
    expect(await ledger.latest.read()).toEqual({ notification: noon, preflight: null });
  });

  it('are those of the last', async () => {
    for (const time of [noon, noon + 1234]) {
      await ledger.at(time).latest.noteNotification();
      await ledger.at(time - 1).latest.notePreflight(`bucket-${time}`);
    }
    expect(await ledger.latest.read()).toEqual({
      notification: noon + 1234,
      preflight: { at: noon + 1233, bucket: `bucket-${noon + 1234}` },
    });
  });

  it('are null where the item cannot be read', async () => {
    await ledger.edit({ pk: 'LATEST#NOTIFICATION', sk: 'LATEST' }, 'at', 'lately');
    await ledger.edit({ pk: 'LATEST#PREFLIGHT', sk: 'LATEST' }, 'bucket', 7);
    expect(await ledger.latest.read()).toEqual({ notification: null, preflight: null });
  });
});
