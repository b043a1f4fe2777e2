import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClaimedRecovery } from '../../../../lambda/shared/ledger/records.ts';
import { HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';
import { aFile, aLease, anError, anOutput, NOW, thumbnails } from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';
import { openRecoveries } from '../../../support/open-recoveries.ts';

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger?.close());

async function claim(
  output: ReturnType<typeof anOutput>,
  key: string,
  owner: string,
  now = NOW,
): Promise<ClaimedRecovery> {
  const file = aFile({ key });
  const [claimed] = await ledger.at(now).recoveries.claim(output, [file], aLease(owner, now + HOUR_MS));
  if (claimed?.outcome !== 'claimed') throw new Error(`expected a claim, got ${claimed?.outcome}`);
  return claimed.record;
}

const storedKey = async (record: ClaimedRecovery) => (await ledger.queries.readRecovery(record))?.key;

describe('the object key of a recovery', () => {
  it('is stored by the first claim only', async () => {
    const output = anOutput();
    const first = await claim(output, 'first', 'one');

    const second = await claim(output, 'second', 'two', NOW + 2 * HOUR_MS);

    expect([first.key, second.key, await storedKey(first)]).toEqual(['first', 'first', 'first']);
  });

  it('is missing until the first claim of an opened recovery', async () => {
    const output = anOutput();
    const [opened] = await openRecoveries(ledger, output, [aFile()], NOW);
    expect(opened).not.toHaveProperty('key');

    const claimed = await claim(output, 'first', 'one');

    expect([claimed.key, await storedKey(claimed)]).toEqual(['first', 'first']);
  });

  it('is the same for ten concurrent first claims of opened recoveries', async () => {
    const output = anOutput();
    const files = thumbnails(30);
    await openRecoveries(ledger, output, files, NOW);

    const claims = await Promise.all(
      Array.from({ length: 10 }, (_, index) => {
        const keyed = files.map((file) => ({ ...file, key: `${index}/${file.filename}` }));
        return ledger.recoveries.claim(output, keyed, aLease(`invocation ${index}`));
      }),
    );

    const keys = Map.groupBy(claims.flat(), ({ record }) => record.fileId);
    expect(keys.size).toBe(30);
    for (const same of keys.values()) expect(new Set(same.map(({ record }) => record.key)).size).toBe(1);
  });

  it('is kept when a settled recovery is reopened', async () => {
    const claimed = await claim(anOutput(), 'first', 'one');
    const error = anError({ category: 'lost' });
    await ledger.recoveries.settle([{ record: claimed, settlement: { state: 'lost', error } }]);

    const reopened = await ledger.at(NOW + 1).recoveries.reopen(claimed);

    expect([reopened?.record.key, await storedKey(claimed)]).toEqual(['first', 'first']);
  });
});

describe('a change of the object key', () => {
  it('requires the lease and can be repeated', async () => {
    const output = anOutput();
    const claimed = await claim(output, 'first', 'one');

    expect(await ledger.at(NOW + 1).recoveries.changeKey(claimed, 'second')).toBe(true);
    expect(await ledger.at(NOW + 2).recoveries.changeKey(claimed, 'second')).toBe(true);
    const next = await claim(output, 'first', 'two', NOW + 2 * HOUR_MS);
    expect(next.key).toBe('second');
    expect(await ledger.at(NOW + 2 * HOUR_MS).recoveries.changeKey(claimed, 'third')).toBe(false);
    expect(await storedKey(claimed)).toBe('second');
  });

  it('is returned by a claim of a record that was read before', async () => {
    const claimed = await claim(anOutput(), 'first', 'one');
    const seen = await ledger.queries.readRecovery(claimed);
    if (seen === undefined) throw new Error('the recovery is not there');
    await ledger.at(NOW + 1).recoveries.changeKey(claimed, 'second');
    const { attempts } = claimed;
    await ledger.at(NOW + 2).recoveries.release([{ record: claimed }]);

    const [late] = await ledger
      .at(NOW + 2 * HOUR_MS)
      .recoveries.claimExisting([seen], aLease('two', NOW + 3 * HOUR_MS));

    expect(late).toMatchObject({ outcome: 'claimed', record: { key: 'second', attempts: attempts + 1 } });
    expect(await storedKey(claimed)).toBe('second');
  });
});
