import { type Caller, evaluate } from '../../infra/local/aws/iam/evaluate.ts';
import type { Decided } from '../../infra/local/aws/iam/gate.ts';
import type { Policy, Statement } from '../../infra/local/aws/iam/policy.ts';

/** An action that a statement of a caller's policy allows. */
export interface GrantedAction {
  /** The caller's ARN. */
  readonly caller: string;
  readonly action: string;
  readonly resources: readonly string[];
}

/**
 * The actions that could be taken out of a caller's policies without the refusal of a request of the journal. Each is taken
 * out of one statement at a time, so that one of two statements that allow the same requests is found as well.
 */
export function unneededActions(caller: Caller, journal: readonly Decided[]): GrantedAction[] {
  const asked = journal.filter((each) => each.caller?.arn === caller.arn && each.verdict.allowed);
  return grantedActions(caller)
    .filter(({ statement, action }) => {
      const without = {
        ...caller,
        policies: caller.policies.map((policy) => withoutAction(policy, statement, action)),
      };
      return asked.every(({ request, resource }) => evaluate(without, request, resource).allowed);
    })
    .map(({ statement: { resources }, action }) => ({ caller: caller.arn, action, resources }));
}

/** Each action of each statement that allows something. */
export function grantedActions({
  policies,
}: Caller): { readonly statement: Statement; readonly action: string }[] {
  return policies
    .flatMap(({ statements }) => statements)
    .filter(({ effect }) => effect === 'Allow')
    .flatMap((statement) => statement.actions.map((action) => ({ statement, action })));
}

/** A policy without one action of one of its statements, found by identity. */
export function withoutAction(policy: Policy, statement: Statement, action: string): Policy {
  const statements = policy.statements.map((each) =>
    each === statement ? { ...each, actions: each.actions.filter((other) => other !== action) } : each,
  );
  return { ...policy, statements };
}

/**
 * The request as it would be with other values of single keys, decided again.
 *
 * @param changes values by key in lower case; undefined takes the key away
 */
export function decidedAgain(
  { caller, request, resource }: Decided,
  changes: Readonly<Record<string, string | undefined>>,
) {
  const context = new Map(request.context);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) context.delete(key);
    else context.set(key, [value]);
  }
  return evaluate(caller, { ...request, context }, resource);
}
