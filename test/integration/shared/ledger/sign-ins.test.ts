import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Ledger } from '../../../../lambda/shared/ledger/ledger.ts';
import { SIGN_IN_LIMITS } from '../../../../lambda/shared/ledger/sign-ins.ts';
import { NOW } from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

let ledger: TestLedger;
beforeEach(async () => {
  await ledger?.close();
  ledger = await startLedger();
});
afterAll(() => ledger.close());

const { windowMs, ofSource, ofUnknown, knownMs } = SIGN_IN_LIMITS;

/** Sends a password from these sources; null when it is not looked at. */
async function send({ signIns }: Ledger, sources: readonly string[], isRight: boolean): Promise<boolean> {
  const admission = await signIns.admit(sources);
  if (admission.kind === 'refused') return false;
  await (isRight ? signIns.noteRight(admission) : signIns.noteWrong(admission));
  return true;
}

async function flood(sources: readonly string[], each: number): Promise<void> {
  for (const source of sources) {
    for (let sent = 0; sent < each; sent += 1) await send(ledger, [source], false);
  }
}

const others = Array.from({ length: ofUnknown / ofSource }, (_, index) => `address 198.51.100.${index}`);

describe('admit', () => {
  it('admits ten passwords of a source that are sent together, and no more', async () => {
    const sent = await Promise.all(Array.from({ length: 15 }, () => send(ledger, ['address a'], false)));
    expect(sent.filter((isAdmitted) => isAdmitted)).toHaveLength(ofSource);
  });

  it('refuses until the end of the window', async () => {
    await flood(['address a'], ofSource);
    const start = Math.floor(NOW / windowMs) * windowMs;
    expect(await ledger.signIns.admit(['address a'])).toEqual({ kind: 'refused', until: start + windowMs });
    expect(await send(ledger.at(start + windowMs - 1), ['address a'], false)).toBe(false);
    expect(await send(ledger.at(start + windowMs), ['address a'], false)).toBe(true);
  });

  it('refuses every unknown source after a hundred passwords, until the window ends', async () => {
    await flood(others, ofSource);
    expect(await send(ledger, ['address new'], true)).toBe(false);
    const later = NOW + windowMs;
    expect(await send(ledger.at(later), ['address new'], true)).toBe(true);
  });

  it('admits a known source in a flood of others, for 30 days', async () => {
    await send(ledger, ['browser own', 'address own'], true);
    await flood(others, ofSource);
    expect(await send(ledger, ['address own'], true)).toBe(true);
    expect(await send(ledger, ['browser own', 'address elsewhere'], true)).toBe(true);
    const then = ledger.at(NOW + knownMs);
    const [known, unknown] = await Promise.all([
      ledger.at(NOW + knownMs - 1).signIns.admit(['address own']),
      then.signIns.admit(['address own']),
    ]);
    expect([known, unknown]).toMatchObject([{ isKnown: true }, { isKnown: false }]);
  });

  it('refuses a known source after ten wrong passwords of its own', async () => {
    await send(ledger, ['address own'], true);
    await flood(['address own'], ofSource);
    expect(await send(ledger, ['address own'], true)).toBe(false);
  });

  it('does not count the right passwords of a known source', async () => {
    for (let sent = 0; sent < 3 * ofSource; sent += 1) {
      expect(await send(ledger, ['address own'], true)).toBe(true);
    }
  });
});
