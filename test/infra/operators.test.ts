import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { testNotification } from '../../infra/cli/send-test-job.ts';
import { TEST_JOBS } from '../../infra/constructs/operators.ts';
import { matchesWildcard } from '../../infra/local/aws/iam/wildcard.ts';
import { INDEXES, jobPartition } from '../../lambda/shared/ledger/table.ts';
import { operatorGrants } from './policies.ts';
import { templateOf } from './template.ts';

const grants = operatorGrants(templateOf({ stackName: 'Mine' }));
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

describe('the policy of operators', () => {
  it('allows what README lists, and nothing else', () => {
    const listed = [...readme.matchAll(/^\| `([a-z]+:\w+)` \|/gm)].map(([, action = '']) => action);
    expect(listed.toSorted()).toEqual([...new Set(grants.flatMap(({ actions }) => actions))].toSorted());
    expect(grants.filter(({ effect }) => effect !== 'Allow')).toEqual([]);
  });

  it('is about the resources of its stack', () => {
    const resources = new Set(grants.flatMap((grant) => grant.resources));
    expect([...resources].toSorted()).toEqual(
      [
        '*',
        'DashboardPagesFunction.Arn',
        'LedgerTable.Arn',
        ...Object.values(INDEXES).map(({ name }) => `LedgerTable.Arn/index/${name}`),
        'MonitoringAlarmsTopic',
        'NotificationSecret',
        'RecoveriesDeadLetterQueue.Arn',
        'RecoveriesQueue.Arn',
        'RecoveryWorkerFunction.Arn',
        'arn:AWS::Partition:cloudformation:AWS::Region:AWS::AccountId:stack/Mine/*',
      ].toSorted(),
    );
    const everywhere = grants.filter((grant) => grant.resources.includes('*'));
    expect(everywhere.flatMap(({ actions }) => actions)).toEqual(['lambda:GetAccountSettings']);
  });

  it('deletes only records of jobs that a test made up', () => {
    const deleting = grants.filter(({ actions }) => actions.includes('dynamodb:DeleteItem'));
    expect(deleting.map(({ condition }) => condition)).toEqual([
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [TEST_JOBS] } },
    ]);
    const { jobId } = testNotification(undefined, Date.now());
    expect(matchesWildcard(TEST_JOBS, jobPartition(jobId))).toBe(true);
    // Zencoder's own ids have nine digits so far.
    expect(matchesWildcard(TEST_JOBS, jobPartition('987654321'))).toBe(false);
  });
});
