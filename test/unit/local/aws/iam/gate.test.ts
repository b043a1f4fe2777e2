import { describe, expect, it } from 'vitest';
import type { AccessRequest } from '../../../../../infra/local/aws/iam/access.ts';
import type { Caller, Resource } from '../../../../../infra/local/aws/iam/evaluate.ts';
import { createGate, type Decided } from '../../../../../infra/local/aws/iam/gate.ts';
import { parseIdentityPolicy, parseResourcePolicy } from '../../../../../infra/local/aws/iam/policy.ts';

const ACCOUNT = '000000000000';
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/worker/function`;
const OBJECT = 'arn:aws:s3:::bucket/a/b';
const QUEUE = `arn:aws:sqs:us-east-1:${ACCOUNT}:queue`;

const document = (...Statement: object[]) => ({ Version: '2012-10-17', Statement });
const request = (action: string, resource: string, context = {}): AccessRequest => ({
  action,
  resource,
  context: new Map(Object.entries(context)),
});

function gateOf(statements: object[], resources: [string, Resource][] = [], decided: Decided[] = []) {
  const worker: Caller = {
    arn: SESSION,
    names: [SESSION, `arn:aws:iam::${ACCOUNT}:role/worker`],
    accountId: ACCOUNT,
    isRoot: false,
    policies: [parseIdentityPolicy(document(...statements), 'role')],
  };
  return createGate({
    callers: new Map([['WORKER', worker]]),
    resources: new Map(resources),
    accountId: ACCOUNT,
    onDecision: (each) => decided.push(each),
  });
}

const S3 = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
const overTls = (accountId = ACCOUNT): [string, Resource] => [
  'arn:aws:s3:::bucket',
  {
    accountId,
    policy: parseResourcePolicy(
      document({
        Effect: 'Deny',
        Action: 's3:*',
        Resource: ['arn:aws:s3:::bucket', 'arn:aws:s3:::bucket/*'],
        Principal: '*',
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      }),
      'bucket',
    ),
  },
];

describe('createGate', () => {
  it('allows when every request is allowed', () => {
    const gate = gateOf([{ ...S3, Action: 's3:GetObject' }]);
    expect(gate.authorize('WORKER', [request('s3:GetObject', OBJECT)])).toEqual({ allowed: true });
    expect(
      gate.authorize('WORKER', [request('s3:GetObject', OBJECT), request('s3:PutObject', OBJECT)]).allowed,
    ).toBe(false);
  });

  it('refuses an access key that it does not know', () => {
    expect(gateOf([S3]).authorize('OTHER', [])).toEqual({
      allowed: false,
      reason: 'unknown-key',
      message: 'The security token included in the request is invalid.',
    });
  });

  it('refuses an anonymous request', () => {
    expect(gateOf([S3]).authorize(undefined, [request('s3:GetObject', OBJECT)]).allowed).toBe(false);
  });

  it.each([
    [
      's3:PutObject',
      OBJECT,
      `s3:PutObject on resource: "${OBJECT}" because no identity-based policy allows the s3:PutObject action`,
    ],
    [
      'sqs:SendMessage',
      QUEUE,
      `sqs:sendmessage on resource: ${QUEUE} because no identity-based policy allows the sqs:sendmessage action`,
    ],
    [
      'sns:Publish',
      'arn:aws:sns:us-east-1:000000000000:topic',
      'SNS:Publish on resource: arn:aws:sns:us-east-1:000000000000:topic because no identity-based policy allows the SNS:Publish action',
    ],
    [
      'kms:Decrypt',
      'arn:aws:kms:us-east-1:000000000000:key/1',
      'kms:Decrypt on resource: arn:aws:kms:us-east-1:000000000000:key/1 because no identity-based policy allows the kms:Decrypt action',
    ],
  ])('refuses %s in the words of AWS', (action, resource, message) => {
    const gate = gateOf([{ ...S3, Action: 'dynamodb:GetItem' }]);
    expect(gate.authorize('WORKER', [request(action, resource)])).toEqual({
      allowed: false,
      reason: 'denied',
      message: `User: ${SESSION} is not authorized to perform: ${message}`,
    });
  });

  it.each([ACCOUNT, '222222222222'])(
    'leaves a KMS key of account %s that the stack does not make to the identity policies',
    (owner) => {
      const key = `arn:aws:kms:us-east-1:${owner}:key/1`;
      const gate = gateOf([{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: key }]);
      expect(gate.authorize('WORKER', [request('kms:Decrypt', key)])).toEqual({ allowed: true });
      expect(gate.authorize('WORKER', [request('kms:GenerateDataKey', key)]).allowed).toBe(false);
      expect(gate.authorize(undefined, [request('kms:Decrypt', key)]).allowed).toBe(false);
    },
  );

  it('holds a KMS key of the stack to its own policy', () => {
    const key = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1`;
    const gate = gateOf(
      [{ Effect: 'Allow', Action: 'kms:Decrypt', Resource: key }],
      [[key, { accountId: ACCOUNT, policy: undefined }]],
    );
    expect(gate.authorize('WORKER', [request('kms:Decrypt', key)])).toMatchObject({
      message: expect.stringMatching(/ because no resource-based policy allows the kms:Decrypt action$/),
    });
  });

  it('says in which kind of policy an explicit deny is', () => {
    const denied = gateOf([S3, { ...S3, Effect: 'Deny' }]);
    expect(denied.authorize('WORKER', [request('s3:GetObject', OBJECT)])).toMatchObject({
      message: expect.stringMatching(
        /"arn:aws:s3:::bucket\/a\/b" with an explicit deny in an identity-based policy$/,
      ),
    });
    const plain = request('s3:GetObject', OBJECT, { 'aws:securetransport': ['false'] });
    expect(gateOf([S3], [overTls()]).authorize('WORKER', [plain])).toMatchObject({
      message: expect.stringMatching(/ with an explicit deny in a resource-based policy$/),
    });
  });

  it('gives another account no reason for S3', () => {
    const gate = gateOf([S3], [overTls('222222222222')]);
    expect(gate.authorize('WORKER', [request('s3:GetObject', OBJECT)])).toEqual({
      allowed: false,
      reason: 'denied',
      message: 'Access Denied',
    });
  });

  it('applies the policy of a bucket to its objects', () => {
    const gate = gateOf([S3], [overTls()]);
    const secure = { 'aws:securetransport': ['true'] };
    expect(gate.authorize('WORKER', [request('s3:GetObject', OBJECT, secure)]).allowed).toBe(true);
    const plain = { 'aws:securetransport': ['false'] };
    expect(gate.authorize('WORKER', [request('s3:ListBucket', 'arn:aws:s3:::bucket', plain)]).allowed).toBe(
      false,
    );
  });

  it('adds the keys of both sides', () => {
    const gate = gateOf([
      {
        ...S3,
        Condition: {
          StringEquals: { 'aws:ResourceAccount': ACCOUNT, 'aws:PrincipalAccount': ACCOUNT },
          ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${ACCOUNT}:role/worker` },
        },
      },
    ]);
    expect(gate.authorize('WORKER', [request('s3:GetObject', OBJECT)]).allowed).toBe(true);
    expect(
      gate.authorize('WORKER', [request('s3:GetObject', 'arn:aws:s3:us-east-1:222222222222:x')]).allowed,
    ).toBe(false);
  });

  it('reports each decision with the statement that decided', () => {
    const decided: Decided[] = [];
    const gate = gateOf([{ ...S3, Sid: 'Read', Action: 's3:GetObject' }], [], decided);
    gate.authorize('WORKER', [request('s3:GetObject', OBJECT), request('s3:PutObject', OBJECT)]);
    expect(
      decided.map(({ caller, request: { action }, verdict }) => [
        caller?.arn,
        action,
        verdict.allowed,
        verdict.statement?.sid,
      ]),
    ).toEqual([
      [SESSION, 's3:GetObject', true, 'Read'],
      [SESSION, 's3:PutObject', false, undefined],
    ]);
  });
});
