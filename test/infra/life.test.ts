import { describe, expect, it } from 'vitest';
import { INDEXES } from '../../lambda/shared/ledger/table.ts';
import { grantsOf, textOf } from './policies.ts';
import { appOf, templateOf } from './template.ts';

const ROLES = ['NotificationsIngest', 'RecoveryWorker', 'ReconciliationReconcile', 'DashboardPages'];
const template = templateOf();

describe('the stack', () => {
  it('is protected from deletion unless the setting is off', () => {
    const isProtected = (settings: object) => appOf({ ...settings }).synth().stacks[0]?.terminationProtection;
    expect(isProtected({})).toBe(true);
    expect(isProtected({ terminationProtection: 'false' })).toBe(false);
  });

  it('leaves table, bucket and bucket policy behind when it is deleted, and nothing else', () => {
    expect(withPolicy('DeletionPolicy', /^Retain/)).toEqual([
      'LedgerTable',
      'RecoveredBucket',
      'RecoveredBucketPolicy',
    ]);
    expect(withPolicy('UpdateReplacePolicy', /^Retain/)).toEqual([
      'LedgerTable',
      'RecoveredBucket',
      'RecoveredBucketPolicy',
    ]);
  });

  it('leaves of a failed first deploy the protected table alone, which has no fixed name', () => {
    expect(withPolicy('DeletionPolicy', /^Retain$/)).toEqual(['LedgerTable']);
    template.hasResourceProperties('AWS::DynamoDB::Table', { DeletionProtectionEnabled: true });
    expect(JSON.stringify(template.findResources('AWS::DynamoDB::Table'))).not.toContain('"TableName"');
  });
});

describe('a stack with an existing table', () => {
  const adopting = templateOf({ existingTableName: 'restored-ledger' });

  it('makes no table, and names that one to each function and in its output', () => {
    adopting.resourceCountIs('AWS::DynamoDB::Table', 0);
    adopting.allResourcesProperties('AWS::Lambda::Function', {
      Environment: { Variables: { TABLE_NAME: 'restored-ledger' } },
    });
    adopting.hasOutput('TableName', { Value: 'restored-ledger' });
  });

  it.each(ROLES)('gives %s the same permissions, on that table and its indexes', (role) => {
    const adopted = grantsOf(adopting, role).map((grant) => ({
      ...grant,
      resources: grant.resources
        .map((resource) =>
          resource.replace(
            'arn:AWS::Partition:dynamodb:AWS::Region:AWS::AccountId:table/restored-ledger',
            'LedgerTable.Arn',
          ),
        )
        .toSorted(),
    }));
    expect(adopted).toEqual(grantsOf(template, role));
  });

  it('lets the dashboard query each index', () => {
    const resources = grantsOf(adopting, 'DashboardPages').flatMap((grant) => grant.resources);
    for (const { name } of Object.values(INDEXES)) {
      expect(resources).toContainEqual(expect.stringMatching(`table/restored-ledger/index/${name}$`));
    }
  });
});

function withPolicy(attribute: 'DeletionPolicy' | 'UpdateReplacePolicy', pattern: RegExp): string[] {
  return Object.entries<Record<string, unknown>>(template.toJSON().Resources)
    .filter(([, resource]) => pattern.test(String(resource[attribute])))
    .map(([id]) => textOf({ Ref: id }))
    .toSorted();
}
