import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { dashboardEnvironment } from '../../../lambda/dashboard/environment.ts';
import { InvalidEnvironment } from '../../../lambda/shared/runtime/environment.ts';

beforeEach(() => {
  vi.stubEnv('TABLE_NAME', 'ledger');
  vi.stubEnv('QUEUE_URL', 'https://sqs.example/queue');
  vi.stubEnv('BUCKET_NAME', 'current');
  vi.stubEnv('DASHBOARD_SECRET_ARN', 'arn');
  vi.stubEnv('AWS_REGION', 'eu-central-1');
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('dashboardEnvironment', () => {
  it('reads previous buckets with their owners', () => {
    expect(dashboardEnvironment().PREVIOUS_BUCKETS).toEqual(new Map());
    vi.stubEnv('PREVIOUS_BUCKETS', 'older=012345678901,old.est=444455556666');
    expect(dashboardEnvironment().PREVIOUS_BUCKETS).toEqual(
      new Map([
        ['older', '012345678901'],
        ['old.est', '444455556666'],
      ]),
    );
  });

  it.each(['older', 'older=1', 'older=012345678901;oldest=012345678901', '=012345678901'])(
    'refuses previous buckets as %s',
    (list) => {
      vi.stubEnv('PREVIOUS_BUCKETS', list);
      expect(() => dashboardEnvironment()).toThrow(InvalidEnvironment);
    },
  );
});
