import { Duration } from 'aws-cdk-lib';
import { MathExpression, Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRICS, type MetricKey } from '../../lambda/shared/runtime/metrics.ts';

/** A function of the stack that writes metrics. */
export type Service = (typeof METRICS)[MetricKey]['services'][number];

/** The metrics that the functions write, by the names under which they write them. */
export class StackMetrics {
  readonly #namespace: string;

  /** @param namespace `POWERTOOLS_METRICS_NAMESPACE` of the functions. */
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  /**
   * A metric of one function.
   *
   * @throws {Error} when that function does not write it.
   */
  of(key: MetricKey, service: Service, statistic: string, period: Duration): Metric {
    const { name, services }: { name: string; services: readonly Service[] } = METRICS[key];
    if (!services.includes(service)) throw new Error(`${service} does not write ${name}`);
    return new Metric({
      namespace: this.#namespace,
      metricName: name,
      dimensionsMap: { service },
      statistic,
      period,
    });
  }

  /**
   * A line for each value of the metric's own dimension, whichever there are.
   *
   * @throws {Error} when the metric has no dimension of its own.
   */
  byDimension(key: MetricKey, statistic: string): MathExpression {
    const { name, by }: { name: string; by?: string } = METRICS[key];
    if (by === undefined) throw new Error(`${name} is not broken down`);
    const schema = `"${this.#namespace}","service","${by}"`;
    const period = Duration.minutes(5);
    return new MathExpression({
      expression: `SEARCH('{${schema}} MetricName="${name}"', '${statistic}', ${period.toSeconds()})`,
      label: '',
      period,
    });
  }
}
