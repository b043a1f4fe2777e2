import type { AccessRequest } from './access.ts';
import { conditionHolds } from './conditions.ts';
import type { Policy, PolicyPrincipal, Statement } from './policy.ts';
import { matchesWildcard } from './wildcard.ts';

/** Who makes a request. */
export interface Caller {
  /** As messages name it: of a user, of the root user, or of the session of a role. */
  readonly arn: string;
  /** The ARNs by which a policy may name it: its own first, that of its role last. */
  readonly names: readonly string[];
  readonly accountId: string;
  /** The root user, whom no identity policy restricts. */
  readonly isRoot: boolean;
  /** Its identity policies. */
  readonly policies: readonly Policy[];
}

/** What a request is about, beyond its ARN. */
export interface Resource {
  /** The account that owns it. */
  readonly accountId: string;
  /** Its own policy, if it has one. */
  readonly policy: Policy | undefined;
}

/** What was decided, and what decided it. */
export interface Verdict {
  readonly allowed: boolean;
  /** Which policies decided; in a refusal without a statement, those that would have had to allow. */
  readonly by: 'identity' | 'resource';
  /** The statement that allowed or denied; undefined where none matched, and for the root user. */
  readonly statement: Statement | undefined;
}

/**
 * Decides on one request as AWS does
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html):
 *
 * 1. A matching Deny in any policy refuses, whatever allows.
 * 2. Within one account an Allow in either policy is enough
 *    (…/reference_policies_evaluation-logic_policy-eval-basics.html). A resource policy that names the account allows
 *    nothing by itself: it leaves it to the identity policies (…/reference_policies_elements_principal.html#principal-accounts).
 * 3. Between two accounts both must allow (…/reference_policies_evaluation-logic-cross-account.html).
 * 4. A KMS key is the exception: its own policy must allow, or leave it to the account
 *    (https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html), for the root user as well.
 * 5. All else is refused.
 *
 * Not modelled, since the stack has none and `templatePolicies` throws for what it can see of them: permissions boundaries,
 * session policies, service and resource control policies, access control lists, grants, VPC endpoint policies.
 *
 * @param caller undefined for an anonymous request
 */
export function evaluate(caller: Caller | undefined, request: AccessRequest, resource: Resource): Verdict {
  const own = (caller?.policies ?? [])
    .flatMap(({ statements }) => statements)
    .filter((each) => applies(each, request));
  const theirs = (resource.policy?.statements ?? []).filter((each) => applies(each, request));
  const denies = ({ effect }: Statement) => effect === 'Deny';
  const identityDeny = own.find(denies);
  if (identityDeny !== undefined) return { allowed: false, by: 'identity', statement: identityDeny };
  const resourceDeny = theirs.find((each) => denies(each) && relationTo(caller, each) !== undefined);
  if (resourceDeny !== undefined) return { allowed: false, by: 'resource', statement: resourceDeny };

  const identityAllow = own.find((each) => !denies(each));
  const allowing = theirs.filter((each) => !denies(each));
  const direct = allowing.find((each) => relationTo(caller, each) === 'itself');
  const delegating = allowing.find((each) => relationTo(caller, each) === 'its account');
  const isSameAccount = caller?.accountId === resource.accountId;
  if (isSameAccount && direct !== undefined) return { allowed: true, by: 'resource', statement: direct };

  const needsResourcePolicy = !isSameAccount || request.action.startsWith('kms:');
  if (needsResourcePolicy && direct === undefined && delegating === undefined) {
    return { allowed: false, by: 'resource', statement: undefined };
  }
  // An anonymous request has only the resource policy to allow it.
  if (caller === undefined) return { allowed: true, by: 'resource', statement: direct };
  const allowed = caller.isRoot || identityAllow !== undefined;
  return { allowed, by: 'identity', statement: identityAllow };
}

/** Whether action, resource and conditions of a statement match. Actions have no case, ARNs do. */
function applies({ actions, resources, conditions }: Statement, request: AccessRequest): boolean {
  const action = request.action.toLowerCase();
  return (
    actions.some((pattern) => matchesWildcard(pattern.toLowerCase(), action)) &&
    resources.some((pattern) => matchesWildcard(pattern, request.resource)) &&
    conditions.every((condition) => conditionHolds(condition, request.context))
  );
}

/**
 * How a statement of a resource policy names a caller. An account stands for all that belong to it in a Deny, and for what
 * their own policies allow in an Allow.
 */
function relationTo(
  caller: Caller | undefined,
  { principals }: Statement,
): 'itself' | 'its account' | undefined {
  const relations = new Set((principals ?? []).map((principal) => relationOf(caller, principal)));
  return relations.has('itself') ? 'itself' : relations.has('its account') ? 'its account' : undefined;
}

function relationOf(
  caller: Caller | undefined,
  principal: PolicyPrincipal,
): 'itself' | 'its account' | undefined {
  switch (principal.type) {
    case 'everyone':
      return 'itself';
    case 'account':
      return caller?.accountId === principal.accountId ? 'its account' : undefined;
    case 'identity':
      return caller?.names.includes(principal.arn) ? 'itself' : undefined;
    case 'service':
      return undefined;
  }
}
