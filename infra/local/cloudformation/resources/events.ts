import * as v from 'valibot';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../../../lambda/shared/runtime/durations.ts';
import type { Json } from '../../json.ts';
import {
  functionByArn,
  type Provisioner,
  parseProperties,
  physicalName,
  type ResolvedResource,
  UnsupportedResource,
} from '../deployment.ts';

const rule = v.object({
  ScheduleExpression: v.optional(v.string()),
  State: v.optional(v.picklist(['ENABLED', 'DISABLED']), 'ENABLED'),
  Targets: v.optional(v.array(v.object({ Arn: v.string(), Input: v.optional(v.string()) })), []),
});

/** AWS::Events::Rule with a schedule and functions as targets. */
export const provisionRule: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(rule, resource);
  const name = physicalName(resource, 'Name', deployment, 64);
  if (wanted.ScheduleExpression === undefined) {
    throw new UnsupportedResource(resource, 'only rules with a schedule work locally');
  }
  const arn = `arn:aws:events:${deployment.region}:${deployment.accountId}:rule/${name}`;
  for (const target of wanted.Targets) {
    deployment.schedules.push({
      name,
      logicalId: resource.logicalId,
      every: rateOf(wanted.ScheduleExpression, resource),
      enabled: wanted.State === 'ENABLED',
      target: functionByArn(target.Arn, resource, deployment),
      event: (time) =>
        target.Input === undefined
          ? scheduledEvent(arn, deployment.region, deployment.accountId, time)
          : parsed(target.Input),
    });
  }
  return { ref: name, attributes: { Arn: arn } };
};

const schedule = v.object({
  ScheduleExpression: v.string(),
  State: v.optional(v.picklist(['ENABLED', 'DISABLED']), 'ENABLED'),
  Target: v.object({ Arn: v.string(), Input: v.optional(v.string()) }),
});

/** AWS::Scheduler::Schedule with a function as target. */
export const provisionSchedule: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(schedule, resource);
  const name = physicalName(resource, 'Name', deployment, 64);
  const arn = `arn:aws:scheduler:${deployment.region}:${deployment.accountId}:schedule/default/${name}`;
  deployment.schedules.push({
    name,
    logicalId: resource.logicalId,
    every: rateOf(wanted.ScheduleExpression, resource),
    enabled: wanted.State === 'ENABLED',
    target: functionByArn(wanted.Target.Arn, resource, deployment),
    event: () => (wanted.Target.Input === undefined ? {} : parsed(wanted.Target.Input)),
  });
  return { ref: name, attributes: { Arn: arn } };
};

const UNIT_MILLISECONDS = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };

/** Milliseconds of a `rate(…)` expression; undefined for `cron(…)`, which runs by hand only. */
function rateOf(expression: string, resource: ResolvedResource): number | undefined {
  const [, count, unit] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  if (count !== undefined && (unit === 'minute' || unit === 'hour' || unit === 'day')) {
    return Number(count) * UNIT_MILLISECONDS[unit];
  }
  if (expression.startsWith('cron(')) return undefined;
  throw new UnsupportedResource(resource, `schedule ${expression} is not understood`);
}

function scheduledEvent(arn: string, region: string, account: string, time: number): Json {
  return {
    version: '0',
    id: crypto.randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account,
    time: new Date(time).toISOString().replace(/\.\d+Z$/, 'Z'),
    region,
    resources: [arn],
    detail: {},
  };
}

function parsed(input: string): unknown {
  const value: unknown = JSON.parse(input);
  return value;
}
