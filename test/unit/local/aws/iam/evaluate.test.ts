import { describe, expect, it } from 'vitest';
import { type Caller, evaluate } from '../../../../../infra/local/aws/iam/evaluate.ts';
import { parseIdentityPolicy, parseResourcePolicy } from '../../../../../infra/local/aws/iam/policy.ts';

const ACCOUNT = '111111111111';
const OTHER = '222222222222';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/worker`;
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/worker/function`;
const KEY = `arn:aws:kms:us-east-1:${ACCOUNT}:key/1`;
const GET = { action: 's3:GetObject', resource: 'arn:aws:s3:::bucket/key', context: new Map() };
const DECRYPT = { action: 'kms:Decrypt', resource: KEY, context: new Map() };

const allow = (Action: string, Resource: string) => ({ Effect: 'Allow', Action, Resource });
const deny = (Action: string, Resource: string) => ({ Effect: 'Deny', Action, Resource });

function caller(...statements: object[]): Caller {
  const policies =
    statements.length === 0
      ? []
      : [parseIdentityPolicy({ Version: '2012-10-17', Statement: statements }, 'role')];
  return { arn: SESSION, names: [SESSION, ROLE], accountId: ACCOUNT, isRoot: false, policies };
}

const root: Caller = {
  ...caller(),
  arn: `arn:aws:iam::${ACCOUNT}:root`,
  names: [`arn:aws:iam::${ACCOUNT}:root`],
  isRoot: true,
};

function owned(accountId: string, ...statements: object[]) {
  const policy =
    statements.length === 0
      ? undefined
      : parseResourcePolicy({ Version: '2012-10-17', Statement: statements }, 'resource');
  return { accountId, policy };
}

describe('evaluate', () => {
  it('refuses what no statement allows', () => {
    const nothing = { allowed: false, by: 'identity', statement: undefined };
    expect(evaluate(caller(), GET, owned(ACCOUNT))).toEqual(nothing);
    expect(evaluate(caller(allow('s3:PutObject', '*')), GET, owned(ACCOUNT))).toEqual(nothing);
    expect(evaluate(caller(allow('s3:GetObject', 'arn:aws:s3:::other/*')), GET, owned(ACCOUNT))).toEqual(
      nothing,
    );
  });

  it.each(['s3:GetObject', 's3:getobject', 's3:Get*', 's3:*', '*'])('allows by %s', (action) => {
    expect(evaluate(caller(allow(action, 'arn:aws:s3:::bucket/*')), GET, owned(ACCOUNT))).toMatchObject({
      allowed: true,
      by: 'identity',
      statement: { actions: [action] },
    });
  });

  it('lets an explicit deny in the identity policy win', () => {
    const both = caller(allow('*', '*'), deny('s3:Get*', 'arn:aws:s3:::bucket/*'));
    expect(evaluate(both, GET, owned(ACCOUNT, { ...allow('s3:*', '*'), Principal: '*' }))).toMatchObject({
      allowed: false,
      by: 'identity',
      statement: { effect: 'Deny' },
    });
  });

  it.each([['*'], [{ AWS: ACCOUNT }], [{ AWS: ROLE }], [{ AWS: SESSION }]])(
    'lets an explicit deny in the resource policy win for %j',
    (Principal) => {
      const bucket = owned(ACCOUNT, { ...deny('s3:*', '*'), Principal });
      expect(evaluate(caller(allow('*', '*')), GET, bucket)).toMatchObject({
        allowed: false,
        by: 'resource',
      });
    },
  );

  it('passes over a deny for another', () => {
    const Principal = { AWS: [`${ROLE}-2`, OTHER], Service: 'lambda.amazonaws.com' };
    const bucket = owned(ACCOUNT, { ...deny('s3:*', '*'), Principal });
    expect(evaluate(caller(allow('*', '*')), GET, bucket).allowed).toBe(true);
  });

  it('refuses the root user what a resource policy denies, and nothing else', () => {
    expect(evaluate(root, GET, owned(ACCOUNT)).allowed).toBe(true);
    const bucket = owned(ACCOUNT, { ...deny('s3:GetObject', '*'), Principal: { AWS: '*' } });
    expect(evaluate(root, GET, bucket).allowed).toBe(false);
    expect(evaluate(root, { ...GET, action: 's3:PutObject' }, bucket).allowed).toBe(true);
  });

  describe('within one account', () => {
    it.each([['*'], [{ AWS: ROLE }], [{ AWS: SESSION }]])(
      'allows by the resource policy for %j',
      (Principal) => {
        const bucket = owned(ACCOUNT, { ...allow('s3:GetObject', '*'), Principal });
        expect(evaluate(caller(), GET, bucket)).toMatchObject({ allowed: true, by: 'resource' });
      },
    );

    it('leaves it to the identity policy when the resource policy names the account', () => {
      const bucket = owned(ACCOUNT, { ...allow('s3:GetObject', '*'), Principal: { AWS: ACCOUNT } });
      expect(evaluate(caller(), GET, bucket).allowed).toBe(false);
      expect(evaluate(caller(allow('s3:GetObject', '*')), GET, bucket).allowed).toBe(true);
    });
  });

  describe('between two accounts', () => {
    const own = allow('s3:GetObject', 'arn:aws:s3:::bucket/*');

    it.each([[{ AWS: ACCOUNT }], [{ AWS: ROLE }], ['*']])('needs both policies, with %j', (Principal) => {
      const bucket = owned(OTHER, { ...allow('s3:GetObject', '*'), Principal });
      expect(evaluate(caller(own), GET, bucket).allowed).toBe(true);
      expect(evaluate(caller(), GET, bucket)).toMatchObject({ allowed: false, by: 'identity' });
      expect(evaluate(caller(own), GET, owned(OTHER))).toMatchObject({ allowed: false, by: 'resource' });
    });
  });

  describe('for a KMS key', () => {
    const own = allow('kms:Decrypt', KEY);

    it('needs the key policy, for the root user as well', () => {
      expect(evaluate(caller(own), DECRYPT, owned(ACCOUNT))).toMatchObject({
        allowed: false,
        by: 'resource',
      });
      expect(evaluate(root, DECRYPT, owned(ACCOUNT)).allowed).toBe(false);
    });

    it('takes identity policies when the key policy leaves it to the account', () => {
      const key = owned(ACCOUNT, {
        ...allow('kms:*', '*'),
        Principal: { AWS: `arn:aws:iam::${ACCOUNT}:root` },
      });
      expect(evaluate(caller(own), DECRYPT, key).allowed).toBe(true);
      expect(evaluate(caller(), DECRYPT, key).allowed).toBe(false);
      expect(evaluate(root, DECRYPT, key).allowed).toBe(true);
    });

    it('takes the key policy alone when it names the role', () => {
      const key = owned(ACCOUNT, { ...allow('kms:Decrypt', '*'), Principal: { AWS: ROLE } });
      expect(evaluate(caller(), DECRYPT, key).allowed).toBe(true);
    });
  });

  it('allows an anonymous request only what a resource policy allows everybody', () => {
    expect(evaluate(undefined, GET, owned(ACCOUNT)).allowed).toBe(false);
    const Principal = { AWS: ACCOUNT };
    expect(evaluate(undefined, GET, owned(ACCOUNT, { ...allow('s3:*', '*'), Principal })).allowed).toBe(
      false,
    );
    expect(evaluate(undefined, GET, owned(ACCOUNT, { ...allow('s3:*', '*'), Principal: '*' })).allowed).toBe(
      true,
    );
  });
});
