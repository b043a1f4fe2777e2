import { existsSync, readFileSync } from 'node:fs';
import { Match } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { METRICS, type Metric } from '../../lambda/shared/runtime/metrics.ts';
import { textOf } from './policies.ts';
import { templateOf } from './template.ts';

const STACK = 'Staging';
const template = templateOf({ stackName: STACK, alarmEmail: 'ops@example.com', atRiskHours: 4 });

const properties = v.object({
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: v.optional(v.array(v.object({ Name: v.string(), Value: v.unknown() })), []),
  Statistic: v.string(),
  Period: v.number(),
  Threshold: v.number(),
  EvaluationPeriods: v.number(),
  DatapointsToAlarm: v.number(),
  ComparisonOperator: v.string(),
  TreatMissingData: v.string(),
  AlarmDescription: v.pipe(v.string(), v.maxLength(1024)),
  AlarmActions: v.array(v.unknown()),
  OKActions: v.array(v.unknown()),
});

const alarms = Object.entries(template.findResources('AWS::CloudWatch::Alarm')).map(([id, resource]) => ({
  id: id.replace(/^Monitoring/, '').replace(/[0-9A-F]{8}$/, ''),
  ...v.parse(v.object({ Properties: properties }), resource).Properties,
}));

/** Series that CloudWatch gets from the code, and those of AWS's own that alarms may look at, with their resources. */
const OF_AWS = new Set([
  'AWS/SQS ApproximateNumberOfMessagesVisible QueueName=RecoveriesDeadLetterQueue.QueueName',
  'AWS/SQS ApproximateAgeOfOldestMessage QueueName=RecoveriesQueue.QueueName',
  ...['NotificationsIngestFunction', 'RecoveryWorkerFunction', 'ReconciliationReconcileFunction'].flatMap(
    (name) => [`AWS/Lambda Errors FunctionName=${name}`, `AWS/Lambda Throttles FunctionName=${name}`],
  ),
]);
const metrics: readonly Metric[] = Object.values(METRICS);
const emitted = new Set(
  metrics.flatMap(({ name, services }) => services.map((service) => `${STACK} ${name} service=${service}`)),
);

/** Series that CloudWatch makes of log lines. */
const counted = Object.values(template.findResources('AWS::Logs::MetricFilter')).flatMap(({ Properties }) =>
  v
    .parse(
      v.array(v.object({ MetricNamespace: v.string(), MetricName: v.string() })),
      Properties?.MetricTransformations,
    )
    .map(({ MetricNamespace, MetricName }) => `${MetricNamespace} ${MetricName} `),
);

function alarm(id: string) {
  const found = alarms.find((each) => each.id === id);
  if (found === undefined) throw new Error(`no alarm ${id}`);
  return found;
}

describe.each(alarms)('alarm $id', (each) => {
  it('watches an existing metric', () => {
    const dimensions = each.Dimensions.map(({ Name, Value }) => `${Name}=${textOf(Value)}`);
    const series = `${each.Namespace} ${each.MetricName} ${dimensions.join(' ')}`;
    expect([...emitted, ...OF_AWS, ...counted]).toContain(series);
  });

  it('describes cause and action with existing commands of this stack', () => {
    const [happened = '', todo = ''] = each.AlarmDescription.split(' What to do: ');
    expect(happened.length).toBeGreaterThan(30);
    expect(todo.length).toBeGreaterThan(30);
    for (const [command, name = ''] of each.AlarmDescription.matchAll(/`npm run ([a-z-]+)[^`]*`/g)) {
      expect(existsSync(new URL(`../../infra/cli/${name}.ts`, import.meta.url)), command).toBe(true);
      expect(command).toMatch(/--stack Staging`$/);
    }
    expect(each.AlarmDescription).toContain('`npm run ');
  });

  it('notifies the topic of ALARM and OK', () => {
    expect(each.AlarmActions.map(textOf)).toEqual(['MonitoringAlarmsTopic']);
    expect(each.OKActions.map(textOf)).toEqual(['MonitoringAlarmsTopic']);
  });
});

describe('alarms', () => {
  it('watch every metric of an error', () => {
    const watched = alarms.map(
      ({ MetricName, Dimensions }) => `${MetricName} ${textOf(Dimensions[0]?.Value)}`,
    );
    expect(watched).toEqual(
      expect.arrayContaining([
        `${METRICS.lostFiles.name} worker`,
        `${METRICS.failedFiles.name} worker`,
        `${METRICS.atRiskRecoveries.name} worker`,
        `${METRICS.atRiskRecoveries.name} reconcile`,
        `${METRICS.actionRequired.name} worker`,
        `${METRICS.actionRequired.name} reconcile`,
        `${METRICS.unlistedStorage.name} ingest`,
        `${METRICS.unreadableRecords.name} worker`,
        `${METRICS.unreadableRecords.name} reconcile`,
        `${METRICS.eventsOwed.name} reconcile`,
        `${METRICS.refusedNotifications.name} ingest`,
        `${METRICS.partsNotRead.name} ingest`,
      ]),
    );
  });

  it.each(['Lost', 'CustomerMustAct', 'TooSlow', 'NotificationsRefused', 'PartsNotRead'])(
    'raise %s within minutes of one event, and once for all that follow closely',
    (id) => {
      expect(alarm(id)).toMatchObject({
        Statistic: 'Sum',
        Period: 60,
        Threshold: 1,
        DatapointsToAlarm: 1,
        EvaluationPeriods: 20,
        TreatMissingData: 'notBreaching',
      });
    },
  );

  it('count 5xx and 413 responses to notifications, and none of the dashboard or of a wrong path', () => {
    expect(alarm('NotificationsNotTaken')).toMatchObject({
      Namespace: STACK,
      MetricName: 'NotificationsNotTaken',
      Statistic: 'Sum',
      Threshold: 3,
    });
    template.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern: '{ (($.status = "5*") || ($.status = "413")) && ($.route = "POST /notifications") }',
      MetricTransformations: [
        { MetricName: 'NotificationsNotTaken', MetricNamespace: STACK, MetricValue: '1' },
      ],
    });
    const format = JSON.stringify(template.findResources('AWS::ApiGatewayV2::Stage'));
    expect(format).toContain('\\"route\\":\\"$context.routeKey\\"');
    expect(format).toContain('\\"status\\":\\"$context.status\\"');
  });

  it('keep the number of recoveries at risk between two runs of reconcile', () => {
    expect(alarm('AtRisk')).toMatchObject({ Statistic: 'Maximum', TreatMissingData: 'ignore' });
    expect(alarm('AtRisk').AlarmDescription).toContain('less than 4 hours left');
  });

  it('keep the number of owed events, and detect a new one within a minute of a run', () => {
    expect(alarm('EventsOwed')).toMatchObject({
      ...{ Statistic: 'Maximum', Threshold: 1, Period: 60, EvaluationPeriods: 1 },
      TreatMissingData: 'ignore',
    });
    expect(alarm('EventsOwed').AlarmDescription).toMatch(/key or policy/);
  });

  it('treat missing data of reconcile as an error after three missed runs', () => {
    expect(alarm('ReconcileSilent')).toMatchObject({
      TreatMissingData: 'breaching',
      ComparisonOperator: 'LessThanThreshold',
      Period: 900,
      EvaluationPeriods: 3,
    });
    const slow = templateOf({ reconcileMinutes: 60 });
    slow.hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: METRICS.openRecoveries.name,
      EvaluationPeriods: 12,
      DatapointsToAlarm: 12,
    });
  });

  it('match the number whose cost the README states', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    expect(readme).toContain(`${alarms.length} alarms (${(alarms.length / 10).toFixed(2)})`);
  });

  it('ignore a single crash of the worker', () => {
    expect(alarm('WorkerErrors')).toMatchObject({ Period: 900, DatapointsToAlarm: 2, EvaluationPeriods: 4 });
  });

  it('treat missing data as an error for reconcile only', () => {
    const others = alarms.filter(({ id }) => !['ReconcileSilent', 'AtRisk', 'EventsOwed'].includes(id));
    expect(new Set(others.map(({ TreatMissingData }) => TreatMissingData))).toEqual(
      new Set(['notBreaching']),
    );
  });
});

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
    templateOf().resourceCountIs('AWS::SNS::Subscription', 0);
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
