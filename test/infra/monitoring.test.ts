import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { METRICS, type Metric } from '../../lambda/shared/runtime/metrics.ts';
import { templateOf } from './template.ts';

const STACK = 'Staging';
const template = templateOf({ stackName: STACK, alarmEmail: 'ops@example.com', atRiskHours: 4 });

const metrics: readonly Metric[] = Object.values(METRICS);

describe('the alarm topic', () => {
  it('is encrypted with a rotated key that CloudWatch of this account may use', () => {
    template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
    template.hasResourceProperties('AWS::KMS::Key', {
      EnableKeyRotation: true,
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          }),
        ]),
      },
    });
  });

  it('accepts messages from alarms of this account only, over TLS', () => {
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
          Match.objectLike({
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
            Action: 'sns:Publish',
            Condition: Match.objectLike({ StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } }),
          }),
        ]),
      },
    });
  });

  it('has a subscription of alarmEmail only when it is set', () => {
    template.hasResourceProperties('AWS::SNS::Subscription', {
      Protocol: 'email',
      Endpoint: 'ops@example.com',
    });
    template.hasOutput('AlarmEmail', { Value: 'ops@example.com' });
    templateOf().resourceCountIs('AWS::SNS::Subscription', 0);
    expect(templateOf().findOutputs('AlarmEmail')).toEqual({});
  });
});

describe('the CloudWatch dashboard', () => {
  const [dashboard] = Object.values(template.findResources('AWS::CloudWatch::Dashboard'));
  const body = JSON.stringify(dashboard);

  it.each(metrics.filter(({ name }) => name !== METRICS.messagesNotUnderstood.name).map(({ name }) => name))(
    'shows %s',
    (name) => {
      expect(body).toContain(name);
    },
  );

  it('groups by existing dimensions of the metrics', () => {
    const searches = [...body.matchAll(/SEARCH\('\{(.*?)\} MetricName=(.*?)'/g)].map(([, schema, name]) =>
      `${schema} ${name}`.replaceAll('\\', '').replaceAll('"', ''),
    );
    const known = metrics.flatMap(({ name, by }) =>
      by === undefined ? [] : [`${STACK},service,${by} ${name}`],
    );
    expect(searches.length).toBeGreaterThan(2);
    for (const search of searches) expect(known).toContain(search);
  });
});
