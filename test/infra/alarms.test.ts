import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { failuresOptions } from '../../infra/cli/failures-selection.ts';
import { readOptions } from '../../infra/cli/lib/command.ts';
import { STACK_OPTIONS } from '../../infra/cli/lib/target.ts';
import { redriveOptions } from '../../infra/cli/redrive-selection.ts';
import { sendTestOptions } from '../../infra/cli/send-test.ts';
import { statusOptions } from '../../infra/cli/status.ts';
import { METRICS, type Metric } from '../../lambda/shared/runtime/metrics.ts';
import { alarmsOf, seriesOf } from './alarms.ts';
import { textOf } from './policies.ts';
import { templateOf } from './template.ts';

const STACK = 'Staging';
const template = templateOf({ stackName: STACK, alarmEmail: 'ops@example.com', atRiskHours: 4 });

/** What reads the options of each command that a description may name; throws for options that it does not have. */
const PARSERS: Readonly<Record<string, (argv: readonly string[]) => unknown>> = {
  failures: (argv) => failuresOptions(argv, Date.now()),
  redrive: (argv) => redriveOptions(argv, Date.now()),
  status: statusOptions,
  'send-test': sendTestOptions,
  preflight: (argv) => readOptions(argv, STACK_OPTIONS),
  'notification-url': (argv) => readOptions(argv, STACK_OPTIONS),
};

const alarms = alarmsOf(template);

/** Logical ids of all functions, without their hash. */
const FUNCTIONS = Object.keys(template.findResources('AWS::Lambda::Function')).map((id) =>
  textOf({ Ref: id }),
);

/** Series that CloudWatch gets from the code, and those of AWS's own that alarms may look at, with their resources. */
const OF_AWS = new Set([
  'AWS/SQS ApproximateNumberOfMessagesVisible QueueName=RecoveriesDeadLetterQueue.QueueName',
  'AWS/SQS ApproximateAgeOfOldestMessage QueueName=RecoveriesQueue.QueueName',
  'AWS/SQS ApproximateNumberOfMessagesVisible QueueName=RecoveriesQueue.QueueName',
  'AWS/Lambda RecursiveInvocationsDropped FunctionName=RecoveryWorkerFunction',
  ...FUNCTIONS.flatMap((name) => [
    `AWS/Lambda Errors FunctionName=${name}`,
    `AWS/Lambda Throttles FunctionName=${name}`,
  ]),
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
    expect([...emitted, ...OF_AWS, ...counted]).toEqual(expect.arrayContaining(seriesOf(each)));
  });

  it('describes cause and action with existing commands of this stack', () => {
    const [happened = '', todo = ''] = each.AlarmDescription.split(' What to do: ');
    expect(happened.length).toBeGreaterThan(30);
    expect(todo.length).toBeGreaterThan(30);
    const commands = [
      ...each.AlarmDescription.matchAll(/`npm run ([a-z-]+) --([^`]*) --stack Staging`|`npm/g),
    ];
    expect(commands.length).toBeGreaterThan(0);
    for (const [command, name = '', options = ''] of commands) {
      expect(Object.keys(PARSERS), command).toContain(name);
      PARSERS[name]?.(options.replaceAll(' ID', ' 1').split(' ').filter(Boolean));
    }
  });

  it('is named for people, after the stack, and leads to the dashboard', () => {
    expect(each.AlarmName).toMatch(/^Staging - [A-Za-z][a-zA-Z ]{5,40}$/);
    expect(each.AlarmDescription).toMatch(/ Dashboard: Api\.ApiEndpoint\/$/);
  });

  it('asks for the status with the threshold of the stack', () => {
    const asked = each.AlarmDescription.match(/`npm run status[^`]*`/g) ?? [];
    for (const command of asked) expect(command).toBe('`npm run status -- --at-risk 4h --stack Staging`');
  });

  it('notifies the topic of ALARM and OK', () => {
    expect(each.AlarmActions.map(textOf)).toEqual(['MonitoringAlarmsTopic']);
    expect(each.OKActions.map(textOf)).toEqual(['MonitoringAlarmsTopic']);
  });
});

describe('alarms', () => {
  it('watch every metric of an error', () => {
    const watched = alarms.map(
      ({ MetricName, Dimensions }) => `${MetricName} ${textOf(Dimensions?.[0]?.Value)}`,
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
        `${METRICS.deniedNotifications.name} ingest`,
        `${METRICS.primaryFailures.name} worker`,
        `${METRICS.partsNotRead.name} ingest`,
      ]),
    );
  });

  it('watch errors and throttles of every function', () => {
    const watched = alarms.flatMap(seriesOf);
    expect(FUNCTIONS).toHaveLength(4);
    for (const name of FUNCTIONS) {
      expect(watched).toContain(`AWS/Lambda Errors FunctionName=${name}`);
      expect(watched).toContain(`AWS/Lambda Throttles FunctionName=${name}`);
    }
  });

  it('watch no function that a stack without dashboard lacks, and lead to none', () => {
    const without = alarmsOf(templateOf({ dashboard: false }));
    expect(alarms.map(({ id }) => id).filter((id) => !without.some((each) => each.id === id))).toEqual([
      'DashboardErrors',
      'DashboardThrottled',
    ]);
    expect(without.filter(({ AlarmDescription }) => AlarmDescription.includes('Dashboard:'))).toEqual([]);
  });

  it('keep within the 1,024 characters of a description, whatever the name of the stack', () => {
    // The longest address of an API today.
    const endpoint = 'https://abcdefghij.execute-api.cn-northwest-1.amazonaws.com.cn';
    const longest = alarmsOf(
      templateOf({ stackName: 'S'.repeat(128), atRiskHours: 24, reconcileMinutes: 60 }),
    );
    const lengths = longest.map(({ id, AlarmDescription }) => {
      return { id, length: AlarmDescription.replace('Api.ApiEndpoint', endpoint).length };
    });
    expect(lengths.filter(({ length }) => length > 1024)).toEqual([]);
  });

  it('have names of their own', () => {
    expect(new Set(alarms.map(({ AlarmName }) => AlarmName)).size).toBe(alarms.length);
  });

  it.each([
    ['CredentialsRefused', METRICS.deniedNotifications.name],
    ['NotificationsTooLarge', 'NotificationsTooLarge'],
  ])('raise %s, which needs no valid credentials, only for a series of requests', (id, MetricName) => {
    expect(alarm(id)).toMatchObject({ MetricName, Threshold: 5, Period: 900, DatapointsToAlarm: 1 });
  });

  it('count failed uploads over all classes and hosts, up to the threshold that is set', () => {
    expect(alarm('FailedUploads')).toMatchObject({
      ...{ MetricName: METRICS.primaryFailures.name, Statistic: 'Sum', Period: 3600, Threshold: 10 },
      Dimensions: [{ Name: 'service', Value: 'worker' }],
    });
    templateOf({ failedUploadsPerHour: 250 }).hasResourceProperties('AWS::CloudWatch::Alarm', {
      MetricName: METRICS.primaryFailures.name,
      Threshold: 250,
    });
  });

  it('leave ten days for dead letters, of which SQS counts up to four on the queue', () => {
    const days = Object.values(template.findResources('AWS::SQS::Queue')).map(
      ({ Properties }) => Number(Properties.MessageRetentionPeriod) / 86_400,
    );
    const left = Math.max(...days) - Math.min(...days);
    expect(alarm('DeadLetters').AlarmDescription).toContain(`within ${left} days`);
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

  it('count 5xx responses to notifications, and none of the dashboard or of a wrong path', () => {
    expect(alarm('NotificationsNotTaken')).toMatchObject({
      Namespace: STACK,
      MetricName: 'NotificationsNotTaken',
      Statistic: 'Sum',
      Threshold: 3,
    });
    template.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern: '{ ($.status = "5*") && ($.route = "POST /notifications") }',
      MetricTransformations: [
        { MetricName: 'NotificationsNotTaken', MetricNamespace: STACK, MetricValue: '1' },
      ],
    });
    template.hasResourceProperties('AWS::Logs::MetricFilter', {
      FilterPattern: '{ ($.status = "413") && ($.route = "POST /notifications") }',
      MetricTransformations: [{ MetricName: 'NotificationsTooLarge', MetricNamespace: STACK }],
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

  it('notice a reconcile that stopped or never ran after three missed runs, counted from the first data of the queue', () => {
    const silent = alarm('ReconcileSilent');
    expect(silent).toMatchObject({
      ComparisonOperator: 'LessThanThreshold',
      ...{ Threshold: 1, EvaluationPeriods: 3, DatapointsToAlarm: 3 },
      // Before the queue has data nothing is known: neither an alarm nor its end.
      TreatMissingData: 'ignore',
    });
    expect(silent.Metrics.filter(({ ReturnData }) => ReturnData)).toMatchObject([
      { Expression: 'IF(clock > 0, FILL(runs, 0))' },
    ]);
    expect(
      silent.Metrics.flatMap(({ Id, MetricStat }) => (MetricStat ? [{ Id, ...MetricStat }] : [])),
    ).toMatchObject([
      { Id: 'clock', Stat: 'SampleCount', Period: 900, Metric: { Namespace: 'AWS/SQS' } },
      { Id: 'runs', Stat: 'SampleCount', Period: 900, Metric: { MetricName: METRICS.openRecoveries.name } },
    ]);
  });

  it.each([
    { minutes: 5, silent: 3, period: 900, kept: 4 },
    { minutes: 20, silent: 4, period: 1200, kept: 10 },
    { minutes: 60, silent: 12, period: 3600, kept: 26 },
  ])('follow a reconcile that runs every $minutes minutes', ({ minutes, silent, period, kept }) => {
    const slow = alarmsOf(templateOf({ reconcileMinutes: minutes }));
    const of = (id: string) => slow.find((each) => each.id === id);
    expect(of('ReconcileSilent')).toMatchObject({ EvaluationPeriods: silent, DatapointsToAlarm: silent });
    expect(of('ReconcileSilent')?.AlarmDescription).toContain(`not completed for ${silent * 15} minutes`);
    for (const id of ['ReconcileErrors', 'ReconcileThrottled']) {
      expect(of(id)).toMatchObject({ Period: period, EvaluationPeriods: 3, DatapointsToAlarm: 2 });
    }
    for (const id of ['ApiKeyRefused', 'UnreadableOpenRecords']) {
      expect(of(id)).toMatchObject({ Period: 300, EvaluationPeriods: kept, DatapointsToAlarm: 1 });
    }
    for (const id of ['AtRisk', 'EventsOwed']) expect(of(id)).toMatchObject({ TreatMissingData: 'ignore' });
  });

  it('take data that is missing after a deploy as no error', () => {
    const atFirst = alarms.map(({ TreatMissingData }) => TreatMissingData);
    expect(new Set(atFirst)).toEqual(new Set(['notBreaching', 'ignore']));
  });

  it('are listed in the README, each by its name', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    const rows = readme.slice(readme.indexOf('| alarm | when |')).split('\n\n', 1)[0] ?? '';
    const listed = [...rows.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell = '']) => cell.split(', '));
    const names = alarms.map(({ AlarmName }) => `\`${AlarmName.replace('Staging - ', '')}\``);
    expect(listed.toSorted()).toEqual(names.toSorted());
  });

  it('match the number whose cost the README states', () => {
    const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
    // CloudWatch charges each metric that an alarm looks at: https://aws.amazon.com/cloudwatch/pricing/
    const price = (alarms.flatMap(seriesOf).length / 10).toFixed(2);
    expect(readme).toContain(`${alarms.length} alarms (${price})`);
  });

  it('ignore a single crash of the worker', () => {
    expect(alarm('WorkerErrors')).toMatchObject({ Period: 900, DatapointsToAlarm: 2, EvaluationPeriods: 4 });
  });
});
