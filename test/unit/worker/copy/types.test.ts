import { expectTypeOf, it } from 'vitest';
import type { UploadPlan } from '../../../../lambda/shared/ledger/plan-schema.ts';
import type { CopyPlan } from '../../../../lambda/worker/copy/types.ts';

it('CopyPlan is what the ledger keeps as UploadPlan, field by field', () => {
  expectTypeOf<{ [Field in keyof CopyPlan]: CopyPlan[Field] }>().toEqualTypeOf<UploadPlan>();
});
