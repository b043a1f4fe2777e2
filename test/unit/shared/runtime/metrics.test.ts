import { Metrics } from '@aws-lambda-powertools/metrics';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createMeter, type FlushingMeter, METRICS } from '../../../../lambda/shared/runtime/metrics.ts';

interface Line {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
  readonly [name: string]: unknown;
}

let written: Line[];
let meter: FlushingMeter;

beforeEach(() => {
  written = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(JSON.parse(String(text)));
    return true;
  });
  const metrics = new Metrics({ namespace: 'MyStack', serviceName: 'worker' });
  const real = createMeter(metrics);
  meter = {
    ...real,
    flush: () => {
      real.flush();
      write.mockRestore();
    },
  };
});

describe('createMeter', () => {
  it('writes nothing before it is flushed, and nothing when no metric was added', () => {
    meter.add('lostFiles', 1, 'SourceNotFound');
    expect(written).toEqual([]);
    meter.flush();
    expect(written).toHaveLength(1);
    meter.flush();
    expect(written).toHaveLength(1);
  });

  it('writes a metric for the service alone and for its dimension', () => {
    meter.add('lostFiles', 1, 'SourceNotFound');
    meter.flush();
    const [line] = written;
    expect(line?._aws.CloudWatchMetrics).toEqual([
      {
        Namespace: 'MyStack',
        Dimensions: [['service'], ['service', 'ErrorClass']],
        Metrics: [{ Name: 'LostFiles', Unit: 'Count' }],
      },
    ]);
    expect(line).toMatchObject({ service: 'worker', ErrorClass: 'SourceNotFound', LostFiles: 1 });
  });

  it('writes a total without dimension for the service alone', () => {
    meter.add('atRiskRecoveries', 3);
    meter.add('openRecoveries', 0);
    meter.flush();
    expect(written.map((line) => line._aws.CloudWatchMetrics[0]?.Dimensions)).toEqual([
      [['service']],
      [['service']],
    ]);
    expect(written).toMatchObject([{ AtRiskRecoveries: 3 }, { OpenRecoveries: 0 }]);
  });

  it('sums counts and bytes per value of the dimension, and keeps single times', () => {
    for (const [role, bytes] of [
      ['media', 5],
      ['media', 6],
      ['thumbnail', 1],
    ] as const) {
      meter.add('recoveredBytes', bytes, role);
      meter.add('timeToRecovered', bytes * 10, role);
    }
    meter.flush();
    expect(written).toMatchObject([
      { Role: 'media', RecoveredBytes: 11 },
      { Role: 'media', TimeToRecovered: [50, 60] },
      { Role: 'thumbnail', RecoveredBytes: 1 },
      { Role: 'thumbnail', TimeToRecovered: 10 },
    ]);
  });

  it('writes each of 250 values once, at most a hundred per line', () => {
    for (let value = 1; value <= 250; value++) meter.add('attempts', value, 'thumbnail');
    meter.flush();
    const values = written.map((line) => line[METRICS.attempts.name]);
    expect(values.flat()).toEqual(Array.from({ length: 250 }, (_, index) => index + 1));
    expect(values.every((list) => Array.isArray(list) && list.length <= 100)).toBe(true);
    expect(written.every((line) => line.Role === 'thumbnail')).toBe(true);
  });

  it('replaces an invalid value of the dimension by Other', () => {
    meter.add('primaryFailures', 1, 'See https://example.com/?token=1');
    meter.add('primaryFailures', 1, '');
    meter.flush();
    expect(written).toMatchObject([{ ErrorClass: 'Other', PrimaryFailures: 2 }]);
  });
});
