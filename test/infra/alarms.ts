import type { Template } from 'aws-cdk-lib/assertions';
import * as v from 'valibot';
import { textOf } from './policies.ts';

const metricOfAws = v.object({
  Namespace: v.string(),
  MetricName: v.string(),
  Dimensions: v.optional(v.array(v.object({ Name: v.string(), Value: v.unknown() })), []),
});
const query = v.object({
  Id: v.string(),
  Expression: v.optional(v.string()),
  ReturnData: v.optional(v.boolean(), true),
  MetricStat: v.optional(v.object({ Metric: metricOfAws, Stat: v.string(), Period: v.number() })),
});
const properties = v.object({
  AlarmName: v.pipe(v.string(), v.maxLength(255)),
  ...v.partial(metricOfAws).entries,
  /** In place of one metric: the metrics of an expression, and the expression. */
  Metrics: v.optional(v.array(query), []),
  Statistic: v.optional(v.string()),
  Period: v.optional(v.number()),
  Threshold: v.number(),
  EvaluationPeriods: v.number(),
  DatapointsToAlarm: v.number(),
  ComparisonOperator: v.string(),
  TreatMissingData: v.string(),
  AlarmDescription: v.pipe(v.unknown(), v.transform(textOf)),
  AlarmActions: v.array(v.unknown()),
  OKActions: v.array(v.unknown()),
});
/** An alarm of a template, its id without prefix and hash, its description as readable text. */
export type TemplateAlarm = ReturnType<typeof alarmsOf>[number];

/** Every alarm of a template. */
export function alarmsOf(of: Template) {
  return Object.entries(of.findResources('AWS::CloudWatch::Alarm')).map(([id, resource]) => ({
    id: id.replace(/^Monitoring/, '').replace(/[0-9A-F]{8}$/, ''),
    ...v.parse(v.object({ Properties: properties }), resource).Properties,
  }));
}

/** The metrics that an alarm looks at, each as `NAMESPACE NAME DIMENSIONS`. */
export function seriesOf({ Metrics, ...one }: TemplateAlarm): string[] {
  const several = Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []);
  return (several.length > 0 ? several : [v.parse(metricOfAws, one)]).map(
    ({ Namespace, MetricName, Dimensions }) => {
      const dimensions = Dimensions.map(({ Name, Value }) => `${Name}=${textOf(Value)}`);
      return `${Namespace} ${MetricName} ${dimensions.join(' ')}`;
    },
  );
}
