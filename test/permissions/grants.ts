import * as v from 'valibot';
import type { Policy } from '../../infra/local/aws/iam/policy.ts';
import type { StackPolicies } from '../../infra/local/aws/iam/template-policies.ts';
import { withoutAction } from './excess.ts';

/** One action of one statement of a function's or the operators' policies. */
export const grantSchema = v.object({
  /** Logical id of the function, or `operators`. */
  holder: v.string(),
  /** Among all statements of the holder's policies. */
  statement: v.number(),
  action: v.string(),
});
export type Grant = v.InferOutput<typeof grantSchema>;

const OPERATORS = 'operators';

/** Every grant of a stack, in the template's order. */
export function grantsOf(policies: StackPolicies): Grant[] {
  return [...holdersOf(policies)].flatMap(([holder, held]) =>
    held
      .flatMap(({ statements }) => statements)
      .flatMap(({ effect, actions }, statement) =>
        effect === 'Deny' ? [] : actions.map((action) => ({ holder, statement, action })),
      ),
  );
}

/** The policies of a stack without one grant. @throws {Error} when there is no such grant */
export function without(policies: StackPolicies, { holder, statement, action }: Grant): StackPolicies {
  const held = holdersOf(policies).get(holder) ?? [];
  const found = held.flatMap(({ statements }) => statements)[statement];
  if (found?.actions.includes(action) !== true) throw new Error(`${holder} has no ${action} at ${statement}`);
  const reduced = (policy: Policy) => withoutAction(policy, found, action);
  return {
    ...policies,
    functions: new Map(
      [...policies.functions].map(([id, caller]) => [
        id,
        { ...caller, policies: caller.policies.map(reduced) },
      ]),
    ),
    managed: new Map([...policies.managed].map(([arn, policy]) => [arn, reduced(policy)])),
  };
}

function holdersOf({ functions, managed }: StackPolicies): Map<string, readonly Policy[]> {
  const held = [...functions].map(([id, { policies }]) => [id, policies] as const);
  return new Map([...held, [OPERATORS, [...managed.values()]]]);
}
