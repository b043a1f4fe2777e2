import { expectTypeOf, it } from 'vitest';
import type { UploadPlan } from '../../../../lambda/shared/ledger/plan-schema.ts';
import type { CopyPlan } from '../../../../lambda/worker/copy/types.ts';

// Vitest runs this without checking types: it is tsc (`npm run check`) that fails when the two differ.
it('CopyPlan is what the ledger keeps as UploadPlan, field by field', () => {
  expectTypeOf<{ [Field in keyof CopyPlan]: CopyPlan[Field] }>().toEqualTypeOf<UploadPlan>();
});
