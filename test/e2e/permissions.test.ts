import { beforeAll, describe, expect, it } from 'vitest';
import type { Caller } from '../../infra/local/aws/iam/evaluate.ts';
import type { Decided } from '../../infra/local/aws/iam/gate.ts';
import { grantedActions, unneededActions } from '../permissions/excess.ts';
import { REASONS } from '../permissions/reasons.ts';
import { startPermissionsRun } from '../permissions/run.ts';
import { useEveryPermission } from './permissions-fixture.ts';

const journal: Decided[] = [];

beforeAll(async () => {
  await using run = await startPermissionsRun({ onDecision: (decided) => journal.push(decided) });
  await useEveryPermission(run.running, run.cli, run.faults);
}, 240_000);

/** Functions and operators that made requests, by the name of their role or user, without CloudFormation's hash. */
function callers(): Map<string, Caller> {
  const known = journal.flatMap(({ caller }) => (caller === undefined || caller.isRoot ? [] : [caller]));
  return new Map(
    known.map((caller) => [caller.arn.split('/')[1]?.replace(/[0-9A-F]{8}$/, '') ?? '', caller]),
  );
}

describe('the policies of the stack', () => {
  it('are used by each function and by operators', () => {
    expect([...callers().keys()].toSorted()).toEqual([
      'DashboardPagesRole',
      'NotificationsIngestRole',
      'ReconciliationReconcileRole',
      'RecoveryWorkerRole',
      'operator',
    ]);
  });

  it('allow all that functions and operators ask for', () => {
    const refused = journal.filter(({ caller, verdict }) => caller?.isRoot === false && !verdict.allowed);
    expect(
      refused.map(({ caller, request }) => `${caller?.arn} ${request.action} ${request.resource}`),
    ).toEqual([]);
  });

  it('allow nothing that no request needs, but for a reason', () => {
    const unneeded = [...callers()].flatMap(([name, caller]) =>
      unneededActions(caller, journal).map(({ action, resources }) => ({ name, action, resources })),
    );
    expect(unneeded.filter(({ action }) => REASONS[action] === undefined)).toEqual([]);
  });

  it('grant each action that a reason is given for', () => {
    const granted = [...callers().values()].flatMap(grantedActions).map(({ action }) => action);
    expect(Object.keys(REASONS).filter((action) => !granted.includes(action))).toEqual([]);
  });
});
