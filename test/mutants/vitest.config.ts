import { defineConfig } from 'vitest/config';

/** The unit tests alone, as one project: a mutant is not worth the time of an embedded server. */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/unit/**/*.test.ts'],
  },
});
