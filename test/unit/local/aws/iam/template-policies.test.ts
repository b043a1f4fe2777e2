import { describe, expect, it } from 'vitest';
import { evaluate } from '../../../../../infra/local/aws/iam/evaluate.ts';
import { PolicyError } from '../../../../../infra/local/aws/iam/policy.ts';
import { templatePolicies } from '../../../../../infra/local/aws/iam/template-policies.ts';
import type { ProvisionedResource, Scope } from '../../../../../infra/local/cloudformation/template.ts';
import type { JsonObject } from '../../../../../infra/local/json.ts';

const ACCOUNT = '000000000000';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/Role`;
const QUEUE = `arn:aws:sqs:us-east-1:${ACCOUNT}:stack-queue`;
const TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT}:topic`;
const KEY = `arn:aws:kms:us-east-1:${ACCOUNT}:key/Key`;
const MANAGED = `arn:aws:iam::${ACCOUNT}:policy/Managed`;

const MADE: Readonly<Record<string, ProvisionedResource>> = {
  Role: { ref: 'Role', attributes: { Arn: ROLE } },
  Function: { ref: 'stack-Function', attributes: {} },
  Queue: { ref: 'http://127.0.0.1:1/000000000000/stack-queue', attributes: { Arn: QUEUE } },
  Bucket: { ref: 'stack-bucket', attributes: { Arn: 'arn:aws:s3:::stack-bucket' } },
  Topic: { ref: TOPIC, attributes: {} },
  Key: { ref: 'Key', attributes: { Arn: KEY } },
  Managed: { ref: MANAGED, attributes: {} },
};

const BASE: JsonObject = {
  Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: {} } },
  Function: { Type: 'AWS::Lambda::Function', Properties: { Role: { 'Fn::GetAtt': ['Role', 'Arn'] } } },
};
const documentOf = (statement: JsonObject): JsonObject => ({ Version: '2012-10-17', Statement: [statement] });
const sending = documentOf({
  Effect: 'Allow',
  Action: 'sqs:SendMessage',
  Resource: { 'Fn::GetAtt': ['Queue', 'Arn'] },
});
const denying = documentOf({ Effect: 'Deny', Action: '*', Resource: '*', Principal: '*' });

function read(resources: JsonObject) {
  const scope: Scope = {
    template: { Resources: { ...BASE, ...resources } },
    pseudo: { 'AWS::Region': 'us-east-1', 'AWS::AccountId': ACCOUNT },
    provisioned: (id) => MADE[id],
  };
  return templatePolicies(scope);
}

describe('templatePolicies', () => {
  it('names a function as the session of its role', () => {
    expect(read({}).functions.get('Function')).toEqual({
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/Role/stack-Function`,
      names: [`arn:aws:sts::${ACCOUNT}:assumed-role/Role/stack-Function`, ROLE],
      accountId: ACCOUNT,
      isRoot: false,
      policies: [],
    });
  });

  it.each<[string, JsonObject]>([
    [
      'a policy that is attached to its role',
      {
        Policy: {
          Type: 'AWS::IAM::Policy',
          Properties: { PolicyDocument: sending, Roles: [{ Ref: 'Role' }] },
        },
      },
    ],
    [
      'a policy within its role',
      {
        Role: {
          Type: 'AWS::IAM::Role',
          Properties: { Policies: [{ PolicyName: 'x', PolicyDocument: sending }] },
        },
      },
    ],
    [
      'a managed policy that names its role',
      {
        Managed: {
          Type: 'AWS::IAM::ManagedPolicy',
          Properties: { PolicyDocument: sending, Roles: [{ Ref: 'Role' }] },
        },
      },
    ],
    [
      'a managed policy that its role names',
      {
        Role: { Type: 'AWS::IAM::Role', Properties: { ManagedPolicyArns: [{ Ref: 'Managed' }] } },
        Managed: { Type: 'AWS::IAM::ManagedPolicy', Properties: { PolicyDocument: sending } },
      },
    ],
  ])('gives a function %s', (_what, resources) => {
    const request = { action: 'sqs:SendMessage', resource: QUEUE, context: new Map() };
    const owned = { accountId: ACCOUNT, policy: undefined };
    expect(evaluate(read(resources).functions.get('Function'), request, owned).allowed).toBe(true);
    expect(evaluate(read({}).functions.get('Function'), request, owned).allowed).toBe(false);
  });

  it('gives a function no policy of another role', () => {
    const other = { Type: 'AWS::IAM::Policy', Properties: { PolicyDocument: sending, Roles: ['Another'] } };
    expect(read({ Policy: other }).functions.get('Function')?.policies).toEqual([]);
  });

  it('finds managed policies by their ARN', () => {
    const managed = { Type: 'AWS::IAM::ManagedPolicy', Properties: { PolicyDocument: sending } };
    expect([...read({ Managed: managed }).managed.keys()]).toEqual([MANAGED]);
  });

  it.each<[string, string, JsonObject]>([
    [
      'a bucket',
      'arn:aws:s3:::stack-bucket',
      policyOn('AWS::S3::BucketPolicy', { Bucket: { Ref: 'Bucket' } }),
    ],
    ['a queue', QUEUE, policyOn('AWS::SQS::QueuePolicy', { Queues: [{ Ref: 'Queue' }] })],
    ['a topic', TOPIC, policyOn('AWS::SNS::TopicPolicy', { Topics: [{ Ref: 'Topic' }] })],
    ['a key', KEY, { Key: { Type: 'AWS::KMS::Key', Properties: { KeyPolicy: denying } } }],
  ])('reads the policy of %s', (_what, arn, resources) => {
    const found = [...read(resources).resources];
    expect(found).toMatchObject([
      [arn, { accountId: ACCOUNT, policy: { statements: [{ effect: 'Deny' }] } }],
    ]);
  });

  it.each<[string, JsonObject]>([
    [
      'a permissions boundary',
      { Role: { Type: 'AWS::IAM::Role', Properties: { PermissionsBoundary: MANAGED } } },
    ],
    [
      'a managed policy of AWS',
      {
        Role: {
          Type: 'AWS::IAM::Role',
          Properties: { ManagedPolicyArns: ['arn:aws:iam::aws:policy/AdministratorAccess'] },
        },
      },
    ],
    [
      'a policy of a user',
      { Policy: { Type: 'AWS::IAM::Policy', Properties: { PolicyDocument: sending, Users: ['someone'] } } },
    ],
    ['a user', { User: { Type: 'AWS::IAM::User', Properties: {} } }],
    ['a policy of a secret', { Policy: { Type: 'AWS::SecretsManager::ResourcePolicy', Properties: {} } }],
    ['a policy within a queue', { Policy: { Type: 'AWS::SQS::QueueInlinePolicy', Properties: {} } }],
    ['a policy of a table', { Table: { Type: 'AWS::DynamoDB::Table', Properties: { ResourcePolicy: {} } } }],
    [
      'a role from elsewhere',
      {
        Function: {
          Type: 'AWS::Lambda::Function',
          Properties: { Role: 'arn:aws:iam::000000000000:role/other' },
        },
      },
    ],
    [
      'an element that is not modelled',
      {
        Policy: {
          Type: 'AWS::IAM::Policy',
          Properties: { PolicyDocument: documentOf({ Effect: 'Allow', NotAction: 's3:*', Resource: '*' }) },
        },
      },
    ],
  ])('refuses %s', (_what, resources) => {
    expect(() => read(resources)).toThrow(PolicyError);
  });
});

function policyOn(type: string, target: JsonObject): JsonObject {
  return { Policy: { Type: type, Properties: { ...target, PolicyDocument: denying } } };
}
