import { describe, expect, it } from 'vitest';
import { templatePolicies } from '../../infra/local/aws/iam/template-policies.ts';
import { resourcesOf, type Scope } from '../../infra/local/cloudformation/template.ts';
import { isObject, type JsonObject } from '../../infra/local/json.ts';
import { templateOf } from './template.ts';

const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d';
const ZENCODER = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:zencoder-AbCdEf';

/** The policies of a template, with a name made up for each resource. */
function policiesOf(settings: JsonObject) {
  const template: unknown = templateOf(settings).toJSON();
  if (!isObject(template)) throw new Error('no template');
  const scope: Scope = {
    template,
    pseudo: {
      'AWS::Region': 'us-east-1',
      'AWS::AccountId': '123456789012',
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackName': 'Mine',
    },
    provisioned: (logicalId) => {
      const arn = `arn:aws:local:us-east-1:123456789012:it/${logicalId}`;
      const isNamedByArn = /Topic|Secret|OperatorsPolicy/.test(logicalId);
      return { ref: isNamedByArn ? arn : logicalId, attributes: { Arn: arn } };
    },
  };
  const functions = resourcesOf(scope).filter(({ type }) => type === 'AWS::Lambda::Function');
  return { ...templatePolicies(scope), count: functions.length };
}

describe('the local stack', () => {
  it.each<[string, JsonObject]>([
    ['the defaults', {}],
    ['a bucket and a key of one’s own', { bucketName: 'mine', bucketKmsKeyArn: KEY }],
    ['a Zencoder API key', { zencoderApiKeySecretArn: ZENCODER }],
    ['no dashboard', { dashboard: false }],
    ['an address for alarms', { alarmEmail: 'a@example.com' }],
  ])('can enforce every policy with %s', (_what, settings) => {
    const { functions, managed, resources, count } = policiesOf(settings);
    expect(functions.size).toBe(count);
    for (const [logicalId, { policies }] of functions) {
      expect(policies.flatMap(({ statements }) => statements).length, logicalId).toBeGreaterThan(2);
    }
    expect(managed.size).toBe(1);
    const ownBucket = settings.bucketName === undefined ? 1 : 0;
    // Two queues, two topics, the key of the alarms and the bucket.
    expect(resources.size).toBe(5 + ownBucket);
  });
});
