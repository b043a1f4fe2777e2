import { createHash, randomBytes } from 'node:crypto';
import type { Credentials } from '../listen.ts';
import { ENDPOINT_VARIABLES } from '../servers.ts';
import type { Gate } from './access.ts';
import type { Caller, Resource } from './evaluate.ts';
import { createGate, type GateOptions } from './gate.ts';
import type { Policy } from './policy.ts';
import type { StackPolicies } from './template-policies.ts';

/** The access keys of a local stack, and the gate that knows whose they are. */
export interface Identities {
  /** Of the account's root user, who makes the stack. */
  readonly owner: Credentials;
  /** Of a user who has the stack's policy for operators and no other. */
  readonly operator: Credentials;
  /** Of a function, by its logical id. */
  readonly of: (logicalId: string) => Credentials;
  readonly gate: Gate;
  /** Makes the policies of a stack hold from now on. */
  enforce(policies: StackPolicies, operatorPolicyArn: string | undefined): void;
}

/**
 * Makes up access keys: the owner's, the operator's, and one pair for each function, so that a server knows who calls. With
 * foreign servers (`AWS_ENDPOINT_URL_*`) all use the keys in the environment, since only those are known there, or one pair
 * where it has none.
 */
export function createIdentities(
  env: NodeJS.ProcessEnv,
  { accountId, onDecision }: Pick<GateOptions, 'accountId' | 'onDecision'>,
): Identities {
  const callers = new Map<string, Caller>();
  const resources = new Map<string, Resource>();
  const shared = sharedCredentials(env);
  const of = shared === undefined ? madeUp() : () => shared;
  const owner = of('owner');
  const operator = of('operator');
  callers.set(owner.accessKeyId, rootUser(accountId));
  return {
    owner,
    operator,
    of,
    gate: createGate({ callers, resources, accountId, onDecision }),
    enforce(policies, operatorPolicyArn) {
      for (const [arn, resource] of policies.resources) resources.set(arn, resource);
      if (shared !== undefined) return;
      const attached = operatorPolicyArn === undefined ? undefined : policies.managed.get(operatorPolicyArn);
      callers.set(
        operator.accessKeyId,
        userNamed('operator', accountId, attached === undefined ? [] : [attached]),
      );
      for (const [logicalId, caller] of policies.functions) callers.set(of(logicalId).accessKeyId, caller);
    },
  };
}

/** The root user of an account, whom only resource policies restrict. */
export function rootUser(accountId: string): Caller {
  const arn = `arn:aws:iam::${accountId}:root`;
  return { arn, names: [arn], accountId, isRoot: true, policies: [] };
}

/** A user of an account, with these policies. */
function userNamed(name: string, accountId: string, policies: readonly Policy[]): Caller {
  const arn = `arn:aws:iam::${accountId}:user/${name}`;
  return { arn, names: [arn], accountId, isRoot: false, policies };
}

function sharedCredentials(env: NodeJS.ProcessEnv): Credentials | undefined {
  const isForeign = Object.values(ENDPOINT_VARIABLES).some((name) => Boolean(env[name]));
  if (!isForeign) return undefined;
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env;
  // Servers that take any key may keep what each has apart, as DynamoDB Local does: one for all then.
  if (accessKeyId === undefined || secretAccessKey === undefined) return madeUp()('shared');
  return { accessKeyId, secretAccessKey };
}

function madeUp(): (id: string) => Credentials {
  const seed = randomBytes(16);
  return (id) => {
    const digest = createHash('sha256').update(seed).update(id).digest('hex');
    return { accessKeyId: `LKIA${digest.slice(0, 16).toUpperCase()}`, secretAccessKey: digest.slice(16, 56) };
  };
}
