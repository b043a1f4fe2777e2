import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeFault, explore } from './explore.ts';
import { type ModelServers, startServers } from './servers.ts';

let servers: ModelServers;
beforeAll(async () => {
  servers = await startServers();
});
afterAll(() => servers?.close());

/** A bounded run; `npm run model` explores further. A failure prints the shortest trace of each fault. */
const RUNS = 12;

describe('the protocol of claim, copy, segment, complete and settle', () => {
  it.each([1, 2_000, 40_000])(
    'keeps every promise in the interleavings from seed %i on',
    async (firstSeed) => {
      const { faults } = await explore(servers, { firstSeed, runs: RUNS });

      expect(faults.map(describeFault).join('\n\n')).toBe('');
    },
  );
});
