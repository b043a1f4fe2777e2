import { describe, expect, it } from 'vitest';
import { evaluate } from '../../infra/local/aws/iam/evaluate.ts';
import { rootUser } from '../../infra/local/aws/iam/identities.ts';
import { isObject, type JsonObject, objectAt } from '../../infra/local/json.ts';
import { policiesIn } from '../support/template-policies.ts';
import { templateOf } from './template.ts';

const KEY = 'arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d';
const ZENCODER = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:zencoder-AbCdEf';

function policiesOf(settings: JsonObject) {
  const template: unknown = templateOf(settings).toJSON();
  if (!isObject(template)) throw new Error('no template');
  const functions = Object.values(objectAt(template, 'Resources')).filter(
    (resource) => isObject(resource) && resource.Type === 'AWS::Lambda::Function',
  );
  return { ...policiesIn(template), count: functions.length };
}

describe('the local stack', () => {
  it.each<[string, JsonObject]>([
    ['the defaults', {}],
    ['a bucket and a key of one’s own', { bucketName: 'mine', bucketKmsKeyArn: KEY }],
    [
      'a bucket of another account',
      { bucketName: 'mine', bucketOwner: '444455556666', bucketKmsKeyArn: KEY },
    ],
    ['previous buckets', { previousBuckets: ['older', { bucketName: 'oldest', bucketKmsKeyArn: KEY }] }],
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
    const madeBucket = settings.bucketName === undefined ? 1 : 0;
    // Two queues, two topics, the key of the alarms and the bucket.
    expect(resources.size).toBe(5 + madeBucket);
  });
});

/** For each condition of a deny: what a request must have, and what the deny is about. */
const DEMANDS: Readonly<Record<string, readonly [demanded: string, denied: string]>> = {
  'aws:securetransport': ['true', 'false'],
  's3:tlsversion': ['1.2', '1.1'],
};

describe('each deny of a resource policy', () => {
  const { resources } = policiesOf({});
  const denies = [...resources].flatMap(([arn, resource]) =>
    (resource.policy?.statements ?? [])
      .filter(({ effect }) => effect === 'Deny')
      .map((statement) => ({ arn, resource, statement })),
  );
  const secure = Object.entries(DEMANDS).map(([key, [demanded]]) => [key, [demanded]] as const);
  const decide = (
    { resource, statement }: (typeof denies)[number],
    changed: readonly (readonly [string, string])[],
  ) => {
    const context = new Map([...secure, ...changed.map(([key, value]) => [key, [value]] as const)]);
    const [action = '', target = ''] = [statement.actions[0], statement.resources[0]];
    const request = { action: action.replace('*', 'GetSomething'), resource: target, context };
    return evaluate(rootUser('123456789012'), request, resource);
  };

  it('is about TLS, on the bucket, the queues and the topics', () => {
    expect(
      denies.map(({ arn, statement }) => `${arn.replace(/.*[:/]/, '')} ${statement.conditions[0]?.key}`),
    ).toEqual([
      expect.stringMatching(/^RecoveredBucket\w+ aws:securetransport$/),
      expect.stringMatching(/^RecoveredBucket\w+ s3:tlsversion$/),
      expect.stringMatching(/^RecoveriesDeadLetterQueue\w+ aws:securetransport$/),
      expect.stringMatching(/^RecoveriesQueue\w+ aws:securetransport$/),
      expect.stringMatching(/^EventsTopic\w+ aws:securetransport$/),
      expect.stringMatching(/^MonitoringAlarmsTopic\w+ aws:securetransport$/),
    ]);
  });

  it('refuses even the root user a request without what it demands, and no other', () => {
    for (const deny of denies) {
      expect(decide(deny, []).allowed).toBe(true);
      const changed = deny.statement.conditions.map(({ key }) => [key, DEMANDS[key]?.[1] ?? ''] as const);
      expect(decide(deny, changed)).toEqual({ allowed: false, by: 'resource', statement: deny.statement });
    }
  });
});

describe('NeverOverwrite', () => {
  const { functions } = policiesOf({ bucketName: 'mine' });
  const [, worker] = [...functions].find(([logicalId]) => logicalId.startsWith('RecoveryWorker')) ?? [];
  const put = (context: Readonly<Record<string, string>>) =>
    evaluate(
      worker,
      {
        action: 's3:PutObject',
        resource: 'arn:aws:s3:::mine/zencoder-recovery/1/2/media/a.mp4',
        context: new Map(Object.entries(context).map(([key, value]) => [key, [value]])),
      },
      { accountId: '123456789012', policy: undefined },
    );

  it('denies the worker to create an object without If-None-Match', () => {
    expect(put({ 's3:objectcreationoperation': 'true' })).toMatchObject({
      allowed: false,
      by: 'identity',
      statement: { sid: 'NeverOverwrite' },
    });
    expect(put({ 's3:objectcreationoperation': 'true', 's3:if-none-match': '*' }).allowed).toBe(true);
  });

  it('allows parts, which create no object', () => {
    expect(put({ 's3:objectcreationoperation': 'false' }).allowed).toBe(true);
  });
});
