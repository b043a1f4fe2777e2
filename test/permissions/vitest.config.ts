import { defineConfig } from 'vitest/config';

/** For `npm run permissions`: one run of the stack without one grant. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/permissions/without.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 30_000,
  },
});
