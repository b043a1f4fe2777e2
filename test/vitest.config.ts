import { defineConfig } from 'vitest/config';

/**
 * Five projects, from the cheapest to the dearest: `unit` is pure, `integration` talks to one embedded server, `model`
 * explores the protocol, `infra` synthesizes the stack, `e2e` runs the whole local stack.
 */
export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    maxWorkers: 2,
    // A condition on a busy machine: the default second is no bound that means anything.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      project('unit', 10_000),
      project('integration', 30_000),
      project('model', 120_000),
      project('infra', 90_000),
      project('e2e', 120_000),
    ],
    coverage: { provider: 'v8', include: ['lambda/**', 'infra/**'] },
  },
});

function project(name: string, timeout: number) {
  return {
    extends: true as const,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      testTimeout: timeout,
      hookTimeout: timeout,
    },
  };
}
