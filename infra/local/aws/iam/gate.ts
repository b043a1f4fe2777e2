import type { AccessDecision, AccessRequest, Gate } from './access.ts';
import { type Caller, evaluate, type Resource, type Verdict } from './evaluate.ts';
import type { Policy, Statement } from './policy.ts';

/** What a gate knows; both maps may be filled while it is in use, as the stack's resources are made. */
export interface GateOptions {
  /** Who has which access key, by its id. */
  readonly callers: ReadonlyMap<string, Caller>;
  /**
   * What is known of resources, by ARN: of a bucket for its objects too. Others belong to the account in their ARN, or to
   * `accountId` when it names none, and have no policy. A KMS key that is not known is the customer's: its policy leaves
   * its use to the policies of `accountId`.
   */
  readonly resources: ReadonlyMap<string, Resource>;
  /** The account that the stack is in. */
  readonly accountId: string;
  /** Called after each decision on a request, in order. */
  readonly onDecision?: ((decided: Decided) => void) | undefined;
}

/** One decision, for a journal. */
export interface Decided {
  /** Undefined for an anonymous request. */
  readonly caller: Caller | undefined;
  /** With the keys that the gate itself adds. */
  readonly request: AccessRequest;
  readonly resource: Resource;
  readonly verdict: Verdict;
}

/** AWS's text for a key that it does not know (https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html). */
const UNKNOWN_KEY = 'The security token included in the request is invalid.';

/**
 * A gate that decides by policies, and refuses in AWS's words.
 *
 * @example
 * const gate = createGate({ callers: new Map([['AKIA…', owner]]), resources: new Map(), accountId: '000000000000' });
 * gate.authorize('AKIA…', [{ action: 's3:GetObject', resource: 'arn:aws:s3:::bucket/key', context: new Map() }]);
 */
export function createGate(options: GateOptions): Gate {
  return {
    authorize(accessKeyId, requests) {
      const caller = accessKeyId === undefined ? undefined : options.callers.get(accessKeyId);
      if (accessKeyId !== undefined && caller === undefined) {
        return { allowed: false, reason: 'unknown-key', message: UNKNOWN_KEY };
      }
      for (const request of requests) {
        const decision = decide(caller, request, options);
        if (!decision.allowed) return decision;
      }
      return { allowed: true };
    },
  };
}

function decide(caller: Caller | undefined, asked: AccessRequest, options: GateOptions): AccessDecision {
  const resource = resourceOf(asked.resource, options);
  const request = { ...asked, context: contextOf(asked, caller, resource) };
  const verdict = evaluate(caller, request, resource);
  options.onDecision?.({ caller, request, resource, verdict });
  if (verdict.allowed) return { allowed: true };
  return {
    allowed: false,
    reason: 'denied',
    message: refusalOf(caller, request, verdict, resource.accountId),
  };
}

function resourceOf(
  arn: string,
  { resources, accountId }: Pick<GateOptions, 'resources' | 'accountId'>,
): Resource {
  const known = resources.get(arn.startsWith('arn:aws:s3:::') ? (arn.split('/')[0] ?? arn) : arn);
  return (
    known ?? {
      accountId: arn.split(':')[4] || accountId,
      policy: arn.startsWith('arn:aws:kms:') ? delegatingKeyPolicy(accountId) : undefined,
    }
  );
}

/** https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html */
function delegatingKeyPolicy(accountId: string): Policy {
  const statement: Statement = {
    sid: 'Enable IAM User Permissions',
    effect: 'Allow',
    actions: ['kms:*'],
    resources: ['*'],
    principals: [{ type: 'account', accountId }],
    conditions: [],
  };
  return { source: 'the default key policy', statements: [statement] };
}

/**
 * The request's keys with the global ones about the two sides
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html).
 */
function contextOf(
  { context }: AccessRequest,
  caller: Caller | undefined,
  { accountId }: Resource,
): AccessRequest['context'] {
  const whole = new Map(context);
  whole.set('aws:resourceaccount', [accountId]);
  if (caller === undefined) return whole;
  // Of a session: the ARN of its role.
  whole.set('aws:principalarn', [caller.names.at(-1) ?? caller.arn]);
  return whole.set('aws:principalaccount', [caller.accountId]);
}

/**
 * The message of a refusal (https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html), with what
 * single services do differently: S3 quotes the ARN, and gives no reason to another account or to an anonymous caller
 * (https://docs.aws.amazon.com/AmazonS3/latest/userguide/troubleshoot-403-errors.html), SQS writes actions in lower case,
 * SNS its own name in upper case.
 */
function refusalOf(
  caller: Caller | undefined,
  { action, resource }: AccessRequest,
  { by, statement }: Verdict,
  owner: string,
): string {
  const [service = ''] = action.split(':');
  if (service === 's3' && caller?.accountId !== owner) return 'Access Denied';
  const who = caller === undefined ? 'Anonymous' : caller.arn;
  const where = service === 's3' ? `"${resource}"` : resource;
  const what = service === 'sqs' ? action.toLowerCase() : action.replace(/^sns:/, 'SNS:');
  const reason =
    statement === undefined
      ? `because no ${by}-based policy allows the ${what} action`
      : `with an explicit deny in ${by === 'identity' ? 'an' : 'a'} ${by}-based policy`;
  return `User: ${who} is not authorized to perform: ${what} on resource: ${where} ${reason}`;
}
