import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Caller, evaluate } from '../../infra/local/aws/iam/evaluate.ts';
import { type Policy, parseResourcePolicy } from '../../infra/local/aws/iam/policy.ts';
import { isObject } from '../../infra/local/json.ts';
import { policiesIn } from '../support/template-policies.ts';
import { templateOf } from './template.ts';

const OWNER = '444455556666';
const KEY = `arn:aws:kms:us-east-1:${OWNER}:key/0a1b2c3d`;
const SETTINGS = { bucketName: 'acme-video', bucketOwner: OWNER, bucketKmsKeyArn: KEY };
const CREATING = new Map([
  ['s3:if-none-match', ['*']],
  ['s3:objectcreationoperation', ['true']],
  ['s3:x-amz-acl', ['bucket-owner-full-control']],
]);

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const chapter = readme.split('### A bucket of another account')[1]?.split('\n## ')[0] ?? '';
const [ofBucket, ofKey] = [...chapter.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text = '']) =>
  parseResourcePolicy(JSON.parse(text), 'README.md'),
);

/** A function of the stack, under the role that README names. */
function callerOf(construct: string, role: string): Caller {
  const template: unknown = templateOf(SETTINGS).toJSON();
  if (!isObject(template)) throw new Error('no template');
  const [, caller] =
    [...policiesIn(template).functions].find(([logicalId]) => logicalId.startsWith(construct)) ?? [];
  if (caller === undefined) throw new Error(`no function ${construct}`);
  return { ...caller, names: [...caller.names, `arn:aws:iam::123456789012:role/${role}`] };
}

/** What the role allows on the bucket and its key: an action and one resource each. */
function grantsOf(caller: Caller) {
  return caller.policies
    .flatMap(({ statements }) => statements)
    .filter(({ effect }) => effect === 'Allow')
    .flatMap(({ actions, resources }) =>
      actions
        .filter((action) => /^(?:s3|kms):/.test(action))
        .flatMap((action) =>
          resources.map((resource) => ({ action, resource: resource.replace(/\*$/, 'some/object') })),
        ),
    );
}

function allows(
  caller: Caller,
  { action, resource }: { action: string; resource: string },
  without = '',
): boolean {
  const policy: Policy | undefined = action.startsWith('kms:') ? ofKey : ofBucket;
  if (policy === undefined) throw new Error('README has no policy');
  const statements = policy.statements.map((statement) => ({
    ...statement,
    actions: statement.actions.filter((each) => each !== without),
  }));
  const request = { action, resource, context: CREATING };
  return evaluate(caller, request, { accountId: OWNER, policy: { ...policy, statements } }).allowed;
}

describe("README's policies for a bucket and a key of another account", () => {
  const callers: readonly [string, Caller][] = [
    ['worker', callerOf('RecoveryWorker', 'WORKER')],
    ['dashboard', callerOf('DashboardPages', 'DASHBOARD')],
  ];

  it.each(callers)('allow what the role of the %s may do there, each action by its own name', (_, caller) => {
    const grants = grantsOf(caller);
    expect(grants.length).toBeGreaterThan(1);
    for (const grant of grants) {
      expect([grant, allows(caller, grant)]).toEqual([grant, true]);
      expect([grant, allows(caller, grant, grant.action)]).toEqual([grant, false]);
    }
  });

  it('allow nothing that no role needs', () => {
    const named = [ofBucket, ofKey].flatMap((policy) => policy?.statements ?? []);
    const needed = new Set(callers.flatMap(([, caller]) => grantsOf(caller)).map(({ action }) => action));
    expect(new Set(named.flatMap(({ actions }) => actions))).toEqual(needed);
    expect(named.map(({ conditions }) => conditions)).toEqual(named.map(() => []));
  });

  it('do not let the dashboard write', () => {
    const [, [, dashboard] = []] = callers;
    const put = { action: 's3:PutObject', resource: 'arn:aws:s3:::acme-video/some/object' };
    expect(dashboard !== undefined && allows(dashboard, put)).toBe(false);
  });
});
