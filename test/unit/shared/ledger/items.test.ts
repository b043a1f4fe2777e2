import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { failureToItem, recoveryToItem } from '../../../../lambda/shared/ledger/attributes.ts';
import { parseFailure, parseRecovery } from '../../../../lambda/shared/ledger/items.ts';
import {
  HISTORY_LENGTH,
  type PrimaryFailureRecord,
  type RecoveryRecord,
  withAttempt,
} from '../../../../lambda/shared/ledger/records.ts';
import { LedgerItemNotUnderstood } from '../../../../lambda/shared/ledger/table.ts';

const id = fc.stringMatching(/^[0-9]{1,20}$/);
const role = fc.constantFrom('media' as const, 'thumbnail' as const);
const time = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
const count = fc.maxSafeNat();
const text = fc.string();
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const output = {
  jobId: id,
  outputId: id,
  role,
  label: maybe(text),
  outputType: maybe(text),
  passThrough: maybe(text),
  test: fc.boolean(),
  failedAt: time,
};
const attempt = {
  at: time,
  errorClass: text,
  category: fc.constantFrom('transient' as const, 'lost' as const),
  message: text,
};

const failure: fc.Arbitrary<PrimaryFailureRecord> = fc
  .tuple(
    fc.record({
      ...output,
      errorClass: text,
      message: maybe(text),
      link: maybe(text),
      destinationHost: maybe(text),
      recordedAt: time,
    }),
    fc.record({ eventOwedAt: time }, { requiredKeys: [] }),
  )
  .map(([given, more]) => ({ ...given, ...more }));

const required = {
  ...output,
  fileId: fc.stringMatching(/^[0-9a-f]{16}$/),
  filename: text,
  thumbnailLabel: maybe(text),
  source: text,
  state: fc.constantFrom('pending', 'copying', 'recovered', 'lost', 'failed'),
  deadline: time,
  expectedSize: maybe(count),
  expectedMd5: maybe(text),
  createdAt: time,
  updatedAt: time,
  attempts: count,
  history: fc.array(fc.record(attempt), { maxLength: 3 }),
} as const;

const counted = {
  acceptsNewUrl: fc.constant(true as const),
  countedAs: fc.constantFrom('mismatch' as const, 'contested' as const),
  since: time,
};

const optional = {
  settledAt: time,
  settledBy: text,
  eventOwedAt: time,
  redrives: count,
  retries: fc.array(fc.record({ by: text, at: time }), { maxLength: 3 }),
  nextAttemptAt: time,
  nextAttemptMessage: fc.record({ messageId: text, receiptHandle: text }),
  lastError: fc
    .tuple(fc.record(attempt), fc.record(counted, { requiredKeys: [] }))
    .map(([given, more]) => ({ ...given, ...more })),
  lease: fc
    .tuple(fc.record({ owner: text, until: count }), fc.record({ messageId: text }, { requiredKeys: [] }))
    .map(([given, more]) => ({ ...given, ...more })),
  bucket: text,
  key: text,
  size: count,
  etag: text,
  contentType: text,
  verifiedBy: fc.array(text, { maxLength: 3 }),
  warnings: fc.array(text, { maxLength: 3 }),
  bytesDone: count,
  bytesTotal: count,
  progressAt: time,
  upload: fc.record({
    version: fc.constant(1 as const),
    key: text,
    uploadId: text,
    plannedAt: time,
    size: count,
    partBytes: count,
    parts: count,
    segmentParts: count,
    segments: count,
    sourceEtag: maybe(text),
    contentType: text,
    segmentsDone: fc.uniqueArray(fc.nat(200)).map((numbers) => numbers.sort((a, b) => a - b)),
  }),
} as const;

const recovery: fc.Arbitrary<RecoveryRecord> = fc
  .tuple(fc.record(required), fc.record(optional, { requiredKeys: [] }))
  .map(([given, more]) => ({ ...given, ...more }));

describe('ledger items', () => {
  it('round-trip a primary failure', () => {
    fc.assert(
      fc.property(failure, (record) => {
        expect(parseFailure(failureToItem(record))).toEqual(record);
      }),
    );
  });

  it('round-trip a recovery', () => {
    fc.assert(
      fc.property(recovery, (record) => {
        expect(parseRecovery(recoveryToItem(record))).toEqual(record);
      }),
    );
  });

  it('store times in ISO 8601', () => {
    fc.assert(
      fc.property(recovery, (record) => {
        const item = recoveryToItem(record);
        for (const name of ['deadline', 'createdAt', 'updatedAt', 'failedAt']) {
          expect(item[name]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        }
      }),
    );
  });

  it('tolerate attributes of a newer version, and report missing required ones', () => {
    const [record] = fc.sample(recovery, 1);
    if (record === undefined) throw new Error('no sample');
    const item = recoveryToItem(record);
    expect(parseRecovery({ ...item, invented: 'later' })).toEqual(record);
    const damaged = { ...item, state: 'dancing', deadline: 'tomorrow', source: undefined };
    expect(() => parseRecovery(damaged)).toThrow(LedgerItemNotUnderstood);
    expect(() => parseRecovery(damaged)).toThrow(/^ledger item JOB#.*: source, state, deadline$/);
    expect(() => parseFailure(item)).toThrow(/kind/);
  });
});

describe('withAttempt', () => {
  it('keeps the latest attempts, with truncated messages', () => {
    let history: ReturnType<typeof withAttempt> = [];
    for (let at = 1; at <= HISTORY_LENGTH + 5; at++) {
      history = withAttempt(history, {
        at,
        errorClass: 'E',
        category: 'transient',
        message: 'm'.repeat(9999),
      });
    }
    expect(history.map(({ at }) => at)).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(history.every(({ message }) => message.length === 1000)).toBe(true);
  });

  it('keeps the category of an attempt, whether another URL may succeed, and how it is counted', () => {
    const denied = { at: 1, errorClass: 'E', category: 'action-required', message: 'm' } as const;
    const refused = { ...denied, category: 'lost', acceptsNewUrl: true, countedAs: 'mismatch' } as const;
    expect(withAttempt([denied], refused)).toEqual([denied, refused]);
  });

  it('never truncates a message within a character', () => {
    const [attempt] = withAttempt([], {
      at: 1,
      errorClass: 'E',
      category: 'transient',
      message: `${'m'.repeat(999)}😀`,
    });
    expect(attempt?.message).toBe('m'.repeat(999));
  });
});
