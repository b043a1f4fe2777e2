import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../infra/cli/lib/command.ts';
import type { Terminal } from '../../../infra/cli/lib/terminal.ts';
import { statusOptions } from '../../../infra/cli/status.ts';
import { attentionFor, type StackStatus, statusJson, writeStatus } from '../../../infra/cli/status-report.ts';
import { parseConfig } from '../../../infra/config.ts';
import { LedgerItemNotUnderstood } from '../../../lambda/shared/ledger/table.ts';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';

const none = { count: 0, isComplete: true };
const TOPIC = 'arn:aws:sns:eu-central-1:123456789012:alarms';
const WELL: StackStatus = {
  open: { total: 3, atRisk: 0, overdue: 2, next: [] },
  settled: { recovered: { count: 9, isComplete: true }, lost: { count: 2, isComplete: true }, failed: none },
  eventsOwed: 0,
  refused: [],
  latest: { notification: null, preflight: null },
  queue: { waiting: 1, hidden: 2, delayed: 0 },
  deadLetters: { count: 0, reasons: new Map() },
  alarms: { topicArn: TOPIC, confirmed: 1, unconfirmed: [] },
};

describe('attentionFor', () => {
  it('returns nothing when no action is possible, even with lost files', () => {
    expect(attentionFor(WELL)).toEqual([]);
  });

  it.each<[string, Partial<StackStatus>, string]>([
    ['recoveries at risk', { open: { total: 3, atRisk: 1, overdue: 0, next: [] } }, '1 recovery at risk'],
    [
      'failed recoveries',
      { settled: { ...WELL.settled, failed: { count: 2, isComplete: true } } },
      '--state failed',
    ],
    ['events that the topic does not take', { eventsOwed: 1 }, '1 event is not delivered'],
    [
      'notifications with wrong credentials',
      { refused: [{ status: 401, count: 3 }] },
      '3 notifications refused with 401: the username or password is wrong: give Zencoder the URL that npm run notification-url prints',
    ],
    ['notifications as XML', { refused: [{ status: 415, count: 1 }] }, 'leave "format" out'],
    [
      'an address that has not confirmed',
      { alarms: { topicArn: TOPIC, confirmed: 0, unconfirmed: ['ops@example.com'] } },
      `aws sns subscribe --topic-arn ${TOPIC} --protocol email --notification-endpoint ops@example.com`,
    ],
    ['dead letters', { deadLetters: { count: 4, reasons: new Map() } }, 'npm run redrive -- --dead-letters'],
  ])('returns a sentence about %s', (_, change, sentence) => {
    expect(attentionFor({ ...WELL, ...change })).toEqual([expect.stringContaining(sentence)]);
  });
});

it('attentionFor names unreadable records', () => {
  const item = new LedgerItemNotUnderstood({ pk: 'JOB#1', sk: 'OUTPUT#2' }, ['state']);
  expect(attentionFor(WELL, new Map([['JOB#1 / OUTPUT#2', item]]))).toEqual([
    '1 record cannot be read: JOB#1 / OUTPUT#2',
  ]);
});

/** The status as text. */
async function write(status: StackStatus, now = 0): Promise<string> {
  const written: string[] = [];
  const out: Terminal = {
    width: undefined,
    write: async (text) => void written.push(text),
    paint: (_, text) => text,
  };
  await writeStatus(out, status, { name: 'stack Test', atRisk: 1, now });
  return written.join('');
}

describe('writeStatus and statusJson', () => {
  it.each<[string, StackStatus['alarms']]>([
    ['sent to 1 subscriber', { topicArn: TOPIC, confirmed: 1, unconfirmed: [] }],
    ['sent to no subscriber', { topicArn: TOPIC, confirmed: 0, unconfirmed: [] }],
    [
      'sent to 2 subscribers, not confirmed: ops@example.com, a@b.example',
      { topicArn: TOPIC, confirmed: 2, unconfirmed: ['ops@example.com', 'a@b.example'] },
    ],
    ['subscriptions not known: sns:ListSubscriptionsByTopic is denied', null],
  ])('say that alarms are %s', async (text, alarms) => {
    expect(await write({ ...WELL, alarms })).toContain(`Alarms            ${text}\n`);
  });

  it('include refused notifications when there are any', async () => {
    const refused = [
      { status: 401, count: 3 },
      { status: 404, count: 1 },
    ];
    expect(await write({ ...WELL, refused })).toMatch(
      /^Notifications +3 x 401, 1 x 404 refused in the last 24 hours$/m,
    );
    expect(await write(WELL)).not.toContain('Notifications');
    expect(statusJson({ ...WELL, refused }, [], 0)).toMatchObject({ refusedNotifications: refused });
  });
});

describe('the last notification and preflight', () => {
  const now = Date.parse('2026-11-25T10:00:00Z');

  it('are shown with their times', async () => {
    const latest = {
      notification: now - 5 * HOUR_MS,
      preflight: { at: now - 3 * 24 * HOUR_MS, bucket: 'acme-video' },
    };
    const text = await write({ ...WELL, latest }, now);
    expect(text).toMatch(/^Last notification 2026-11-25 05:00:00 UTC, 5h ago$/m);
    expect(text).toMatch(/^Last preflight +passed for bucket acme-video 2026-11-22 10:00:00 UTC, 3d ago$/m);
    expect(statusJson({ ...WELL, latest }, [], now)).toMatchObject({
      lastNotification: '2026-11-25T05:00:00.000Z',
      lastPreflight: { passedAt: '2026-11-22T10:00:00.000Z', bucket: 'acme-video' },
    });
  });

  it('are missing in a new stack, which the text explains and which is no alarm', async () => {
    const text = await write(WELL, now);
    expect(text).toMatch(/^Last notification none from Zencoder yet/m);
    expect(text).toMatch(/^Last preflight +not passed yet: npm run preflight$/m);
    expect(attentionFor(WELL)).toEqual([]);
    expect(statusJson(WELL, [], now)).toMatchObject({ lastNotification: null, lastPreflight: null });
  });
});

describe('statusOptions', () => {
  it('defaults to the at-risk threshold of the stack', () => {
    const { atRiskHours } = parseConfig({});
    expect(statusOptions([])).toMatchObject({ atRisk: atRiskHours * HOUR_MS, limit: 20, json: false });
  });

  it.each([[['--at-risk', 'soon']], [['--limit', '-1']], [['--jsn']]])('rejects %j', (argv) => {
    expect(() => statusOptions(argv)).toThrow(UsageError);
  });
});
