import type { Metrics } from '@aws-lambda-powertools/metrics';
import { METRICS, type Meter, type Metric, type MetricKey } from './metrics.ts';

/** CloudWatch takes 100 values of a metric in one line; at the hundredth Powertools would write by itself. */
const MOST_VALUES = 99;
/** Error classes come from Zencoder's links: what cannot be a dimension, or would be one of its own for each file. */
const DIMENSION_VALUE = /^[A-Za-z0-9:._-]{1,80}$/;

interface Series {
  readonly metric: Metric;
  readonly by: string | undefined;
  readonly values: number[];
}

/** A meter that keeps what it is given until it is flushed. */
export interface FlushingMeter extends Meter {
  /** Writes everything as metric lines (CloudWatch's embedded metric format) and forgets it. */
  flush(): void;
}

/**
 * Gathers the metrics of an invocation. Counts and bytes are added up; times and numbers of attempts stay single values,
 * so that percentiles can be had.
 *
 * @param metrics without metrics or dimensions of its own but `service`.
 */
export function createMeter(metrics: Metrics): FlushingMeter {
  const series = new Map<string, Series>();
  return {
    put(key: MetricKey, value, by) {
      const metric: Metric = METRICS[key];
      const dimension = metric.by === undefined || by === undefined ? undefined : dimensionOf(by);
      const id = `${key} ${dimension ?? ''}`;
      const known = series.get(id) ?? { metric, by: dimension, values: [] };
      series.set(id, known);
      if (isSum(key)) known.values[0] = (known.values[0] ?? 0) + value;
      else known.values.push(value);
    },
    flush() {
      const all = [...series.values()];
      series.clear();
      for (const each of all) write(metrics, each);
    },
  };
}

function write(metrics: Metrics, { metric, by, values }: Series): void {
  for (let start = 0; start < values.length; start += MOST_VALUES) {
    if (metric.by !== undefined && by !== undefined) {
      metrics.addDimensions({});
      metrics.addDimensions({ [metric.by]: by });
    }
    for (const value of values.slice(start, start + MOST_VALUES)) {
      metrics.addMetric(metric.name, metric.unit, value);
    }
    metrics.publishStoredMetrics();
  }
}

function isSum(key: MetricKey): boolean {
  return METRICS[key].unit !== 'Milliseconds' && key !== 'attempts';
}

function dimensionOf(by: string): string {
  return DIMENSION_VALUE.test(by) ? by : 'Other';
}
