import * as v from 'valibot';
import { it } from 'vitest';
import { useEveryPermission } from '../e2e/permissions-fixture.ts';
import { grantSchema, without } from './grants.ts';
import { startPermissionsRun } from './run.ts';

const removed = v.parse(
  v.optional(v.pipe(v.string(), v.parseJson(), grantSchema)),
  process.env.REMOVED_GRANT,
);

it('functions and operators do everything', async () => {
  await using run = await startPermissionsRun({
    changePolicies: (policies) => (removed === undefined ? policies : without(policies, removed)),
  });
  await useEveryPermission(run.running, run.cli, run.faults);
});
