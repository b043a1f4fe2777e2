import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { conditionHolds } from '../../../../../infra/local/aws/iam/conditions.ts';
import {
  PolicyError,
  parseIdentityPolicy,
  parseResourcePolicy,
} from '../../../../../infra/local/aws/iam/policy.ts';

const STATEMENT = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::bucket/*' };
const VARIABLE = ['$', '{aws:username}'].join('');
const identity = (...statements: object[]) =>
  parseIdentityPolicy({ Version: '2012-10-17', Statement: statements }, 'Resources.Role');
const resource = (Principal: unknown) =>
  parseResourcePolicy({ Version: '2012-10-17', Statement: { ...STATEMENT, Principal } }, 'Resources.Bucket');
const withCondition = (Condition: object) => identity({ ...STATEMENT, Condition });

describe('parseIdentityPolicy', () => {
  it('reads single values and lists alike', () => {
    const [statement] = identity({ ...STATEMENT, Sid: 'Read' }).statements;
    expect(statement).toEqual({
      sid: 'Read',
      effect: 'Allow',
      actions: ['s3:GetObject'],
      resources: ['arn:aws:s3:::bucket/*'],
      principals: undefined,
      conditions: [],
    });
    expect(identity({ ...STATEMENT, Sid: 'Read', Action: ['s3:GetObject'] }).statements).toEqual([statement]);
  });

  it('names the statement and the element that is wrong', () => {
    expect(() => identity(STATEMENT, { ...STATEMENT, Effect: 'Permit' })).toThrow(
      /^Resources\.Role\.Statement\.1\.Effect: /,
    );
    expect(() => withCondition({ DateLessThan: { 'aws:CurrentTime': 'x' } })).toThrow(
      'Resources.Role.Statement.0.Condition: DateLessThan aws:CurrentTime: the operator is not modelled',
    );
  });

  it.each([
    ['NotAction', { ...STATEMENT, NotAction: 's3:PutObject' }],
    ['NotResource', { ...STATEMENT, NotResource: '*' }],
    ['a principal', { ...STATEMENT, Principal: '*' }],
    ['no resource', { Effect: 'Allow', Action: 's3:GetObject' }],
    ['no action', { ...STATEMENT, Action: [] }],
    ['a service without action', { ...STATEMENT, Action: 's3' }],
    ['a policy variable in a resource', { ...STATEMENT, Resource: `arn:aws:s3:::b/${VARIABLE}` }],
    ['a resource that is no ARN', { ...STATEMENT, Resource: 'bucket/*' }],
  ])('refuses %s', (_what, statement) => {
    expect(() => identity(statement)).toThrow(PolicyError);
  });

  it.each([
    ['an unknown key', { StringEquals: { 'aws:UserAgent': 'x' } }],
    ['an operator that does not compare the key', { NumericLessThan: { 's3:if-none-match': '1' } }],
    ['several values without a qualifier', { StringLike: { 'dynamodb:LeadingKeys': 'A#*' } }],
    ['a qualifier on one value', { 'ForAllValues:StringEquals': { 's3:if-none-match': '*' } }],
    ['ForAnyValue', { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': 'A#*' } }],
    ['a policy variable', { StringEquals: { 's3:x-amz-acl': VARIABLE } }],
    ['Null with IfExists', { NullIfExists: { 's3:if-none-match': 'true' } }],
    ['Null with neither true nor false', { Null: { 's3:if-none-match': 'yes' } }],
    ['a number that is none', { NumericLessThan: { 's3:TlsVersion': 'latest' } }],
  ])('refuses a condition with %s', (_what, condition) => {
    expect(() => withCondition(condition)).toThrow(PolicyError);
  });

  it('never passes over an element, an operator or a key that it does not know', () => {
    const known = /^(?:Sid|Effect|Action|Resource|Condition)$/;
    const inherited = Object.getOwnPropertyNames(Object.prototype);
    const name = fc.oneof(fc.string(), fc.constantFrom(...inherited)).filter((each) => !known.test(each));
    fc.assert(
      fc.property(name, fc.jsonValue(), (each, value) => {
        expect(() => identity({ ...STATEMENT, [each]: value })).toThrow(/ is not modelled/);
        expect(() => withCondition({ [each]: { 'aws:SecureTransport': 'true' } })).toThrow(PolicyError);
        expect(() => withCondition({ StringEquals: { [each]: 'x' } })).toThrow(PolicyError);
      }),
    );
  });
});

describe('parseResourcePolicy', () => {
  it('reads each form of a principal', () => {
    const role = 'arn:aws:iam::123456789012:role/worker';
    const principals = (principal: unknown) => resource(principal).statements[0]?.principals;
    expect(principals('*')).toEqual([{ type: 'everyone' }]);
    expect(principals({ AWS: '*' })).toEqual([{ type: 'everyone' }]);
    expect(principals({ AWS: ['123456789012', 'arn:aws:iam::123456789012:root'] })).toEqual([
      { type: 'account', accountId: '123456789012' },
      { type: 'account', accountId: '123456789012' },
    ]);
    expect(principals({ AWS: role, Service: 'sns.amazonaws.com' })).toEqual([
      { type: 'identity', arn: role },
      { type: 'service', name: 'sns.amazonaws.com' },
    ]);
  });

  it.each([
    ['no principal', undefined],
    ['an empty principal', {}],
    ['a wildcard in an ARN', { AWS: 'arn:aws:iam::123456789012:role/*' }],
    ['a federated principal', { Federated: 'cognito-identity.amazonaws.com' }],
    ['a canonical user', { AWS: '*', CanonicalUser: '79a59d' }],
  ])('refuses %s', (_what, principal) => {
    expect(() => resource(principal)).toThrow(PolicyError);
  });
});

describe('conditionHolds', () => {
  const holds = (condition: object, context: Record<string, string[]>) =>
    withCondition(condition).statements.every(({ conditions }) =>
      conditions.every((each) => conditionHolds(each, new Map(Object.entries(context)))),
    );
  const acl = 's3:x-amz-acl';
  const keys = 'dynamodb:leadingkeys';

  it.each([
    ['StringEquals', { StringEquals: { [acl]: ['private', 'public'] } }, { [acl]: ['public'] }],
    ['StringNotEquals', { StringNotEquals: { [acl]: 'private' } }, { [acl]: ['public'] }],
    ['StringLike', { StringLike: { [acl]: 'pub*' } }, { [acl]: ['public'] }],
    ['StringNotLike', { StringNotLike: { [acl]: 'priv*' } }, { [acl]: ['public'] }],
    ['Bool', { Bool: { 'aws:SecureTransport': false } }, { 'aws:securetransport': ['false'] }],
    ['NumericLessThan', { NumericLessThan: { 's3:TlsVersion': 1.2 } }, { 's3:tlsversion': ['1.1'] }],
    [
      'ArnLike',
      { ArnLike: { 'aws:SourceArn': 'arn:*:sns:*:1:*' } },
      { 'aws:sourcearn': ['arn:aws:sns:r:1:t'] },
    ],
    ['Null of a key that is there', { Null: { [acl]: 'false' } }, { [acl]: ['public'] }],
    ['Null of a key that is not', { Null: { [acl]: 'true' } }, {}],
    [
      'ForAllValues',
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'A#*' } },
      { [keys]: ['A#1', 'A#2'] },
    ],
  ])('holds for %s', (_operator, condition, context) => {
    expect(holds(condition, context)).toBe(true);
  });

  it.each([
    ['StringEquals', { StringEquals: { [acl]: 'public' } }, { [acl]: ['Public'] }],
    ['StringNotEquals', { StringNotEquals: { [acl]: ['private', 'public'] } }, { [acl]: ['public'] }],
    ['StringLike', { StringLike: { [acl]: 'priv*' } }, { [acl]: ['public'] }],
    ['Bool', { Bool: { 'aws:SecureTransport': 'false' } }, { 'aws:securetransport': ['true'] }],
    ['NumericLessThan', { NumericLessThan: { 's3:TlsVersion': '1.2' } }, { 's3:tlsversion': ['1.2'] }],
    [
      'ArnLike',
      { ArnLike: { 'aws:SourceArn': 'arn:*:sns:*:1:*' } },
      { 'aws:sourcearn': ['arn:aws:sns:r:2:t'] },
    ],
    ['Null', { Null: { [acl]: 'true' } }, { [acl]: ['public'] }],
    [
      'ForAllValues',
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'A#*' } },
      { [keys]: ['A#1', 'B#2'] },
    ],
  ])('does not hold for %s', (_operator, condition, context) => {
    expect(holds(condition, context)).toBe(false);
  });

  it.each([
    ['StringEquals', { StringEquals: { [acl]: 'x' } }, false],
    ['Bool', { Bool: { 'aws:SecureTransport': 'false' } }, false],
    ['NumericLessThan', { NumericLessThan: { 's3:TlsVersion': 1.2 } }, false],
    ['ArnLike', { ArnLike: { 'aws:SourceArn': 'arn:*:*:*:*:*' } }, false],
    ['StringNotEquals', { StringNotEquals: { [acl]: 'x' } }, true],
    ['StringNotLike', { StringNotLike: { [acl]: 'x' } }, true],
    ['StringEqualsIfExists', { StringEqualsIfExists: { [acl]: 'x' } }, true],
    ['Null false', { Null: { [acl]: 'false' } }, false],
    ['ForAllValues', { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': 'A#*' } }, true],
  ])('takes a key that the request does not have as AWS does: %s', (_operator, condition, expected) => {
    expect(holds(condition, {})).toBe(expected);
  });

  it('requires all conditions', () => {
    const condition = {
      Null: { 's3:if-none-match': 'true' },
      Bool: { 's3:ObjectCreationOperation': 'true' },
    };
    expect(holds(condition, { 's3:objectcreationoperation': ['true'] })).toBe(true);
    expect(holds(condition, { 's3:objectcreationoperation': ['false'] })).toBe(false);
    expect(holds(condition, { 's3:objectcreationoperation': ['true'], 's3:if-none-match': ['*'] })).toBe(
      false,
    );
  });

  it('fails for several values of a key that has one', () => {
    expect(() => holds({ StringEquals: { [acl]: 'a' } }, { [acl]: ['a', 'a'] })).toThrow(/one value, not 2/);
  });
});
