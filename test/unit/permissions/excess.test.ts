import { describe, expect, it } from 'vitest';
import { type Caller, evaluate } from '../../../infra/local/aws/iam/evaluate.ts';
import type { Decided } from '../../../infra/local/aws/iam/gate.ts';
import { parseIdentityPolicy } from '../../../infra/local/aws/iam/policy.ts';
import { decidedAgain, unneededActions } from '../../permissions/excess.ts';

const ACCOUNT = '000000000000';
const OBJECTS = 'arn:aws:s3:::bucket/*';

function callerWith(...statements: object[]): Caller {
  const arn = `arn:aws:sts::${ACCOUNT}:assumed-role/role/function`;
  const policies = [parseIdentityPolicy({ Version: '2012-10-17', Statement: statements }, 'role')];
  return { arn, names: [arn], accountId: ACCOUNT, isRoot: false, policies };
}

function decided(caller: Caller, action: string, context: Record<string, string[]> = {}): Decided {
  const resource = { accountId: ACCOUNT, policy: undefined };
  const request = { action, resource: 'arn:aws:s3:::bucket/key', context: new Map(Object.entries(context)) };
  return { caller, request, resource, verdict: evaluate(caller, request, resource) };
}

describe('unneededActions', () => {
  it('finds actions that no request of the journal needs', () => {
    const caller = callerWith({
      Effect: 'Allow',
      Action: ['s3:GetObject', 's3:PutObject'],
      Resource: OBJECTS,
    });
    expect(unneededActions(caller, [decided(caller, 's3:GetObject')])).toEqual([
      { caller: caller.arn, action: 's3:PutObject', resources: [OBJECTS] },
    ]);
  });

  it('finds each of two statements that allow the same', () => {
    const grant = { Effect: 'Allow', Action: 's3:GetObject', Resource: OBJECTS };
    const caller = callerWith(grant, { ...grant, Resource: '*' });
    expect(unneededActions(caller, [decided(caller, 's3:GetObject')])).toHaveLength(2);
  });

  it('does not count a request that was refused', () => {
    const caller = callerWith(
      { Effect: 'Allow', Action: 's3:GetObject', Resource: OBJECTS },
      { Effect: 'Deny', Action: 's3:GetObject', Resource: OBJECTS },
    );
    expect(unneededActions(caller, [decided(caller, 's3:GetObject')])).toHaveLength(1);
  });

  it('does not count a request of another', () => {
    const caller = callerWith({ Effect: 'Allow', Action: 's3:GetObject', Resource: OBJECTS });
    const other = { ...caller, arn: `${caller.arn}-2` };
    expect(unneededActions(caller, [decided(other, 's3:GetObject')])).toHaveLength(1);
  });
});

describe('decidedAgain', () => {
  it('decides with other values, and without a key', () => {
    const caller = callerWith(
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: '*', Resource: '*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
      { Effect: 'Deny', Action: '*', Resource: '*', Condition: { Null: { 's3:if-none-match': 'true' } } },
    );
    const made = decided(caller, 's3:PutObject', {
      's3:if-none-match': ['*'],
      'aws:securetransport': ['true'],
    });
    expect(decidedAgain(made, {}).allowed).toBe(true);
    expect(decidedAgain(made, { 'aws:securetransport': 'false' }).allowed).toBe(false);
    expect(decidedAgain(made, { 's3:if-none-match': undefined }).allowed).toBe(false);
  });
});
