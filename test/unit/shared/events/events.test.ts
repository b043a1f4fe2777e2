import { describe, expect, it } from 'vitest';
import {
  attributesOf,
  failureEvent,
  preflightEvent,
  settledEvent,
} from '../../../../lambda/shared/events/events.ts';
import type { PrimaryFailureRecord, RecoveryRecord } from '../../../../lambda/shared/ledger/records.ts';
import { NOW } from '../../../support/ledger-data.ts';

const output = {
  jobId: '17',
  outputId: '18446744073709551615',
  role: 'media',
  label: 'hd',
  outputType: 'standard',
  passThrough: 'asset:1',
  test: true,
  failedAt: NOW,
} as const;

const failure: PrimaryFailureRecord = {
  ...output,
  errorClass: 'UploadAccessDeniedError',
  message: 'Access was denied.',
  link: null,
  destinationHost: 'acme-video-out',
  recordedAt: NOW + 1,
};

const lost: RecoveryRecord = {
  ...output,
  fileId: '0123456789abcdef',
  filename: 'video.mp4',
  thumbnailLabel: null,
  source: 's3://zencoder-temp-storage-us-east-1/o/video.mp4',
  state: 'lost',
  deadline: NOW + 10,
  expectedSize: null,
  expectedMd5: null,
  createdAt: NOW,
  updatedAt: NOW,
  settledAt: NOW + 5,
  attempts: 3,
  history: [],
  lastError: { at: NOW + 5, errorClass: 'SourceNotFound', message: 'no such file', category: 'lost' },
};

const recovered: RecoveryRecord = {
  ...lost,
  state: 'recovered',
  bucket: 'acme',
  key: 'a/b.mp4',
  size: 7,
  etag: '"e"',
  contentType: 'video/mp4',
  verifiedBy: ['crc32'],
};

describe('failureEvent', () => {
  it('reports a primary failure with its error', () => {
    expect(failureEvent(failure)).toEqual({
      version: 1,
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      type: 'primary-failure',
      job: { id: '17', passThrough: 'asset:1', test: true },
      output: { id: '18446744073709551615', label: 'hd', type: 'standard' },
      role: 'media',
      failedAt: '2026-03-15T12:00:00.000Z',
      error: {
        errorClass: 'UploadAccessDeniedError',
        message: 'Access was denied.',
        link: null,
        destinationHost: 'acme-video-out',
      },
    });
  });
});

describe('settledEvent', () => {
  it('reports the object of a recovered file and the error of a lost one', () => {
    expect(settledEvent(recovered)).toMatchObject({
      type: 'recovery-recovered',
      file: { id: '0123456789abcdef', filename: 'video.mp4' },
      settledAt: '2026-03-15T12:00:00.005Z',
      object: { bucket: 'acme', key: 'a/b.mp4', size: 7, verifiedBy: ['crc32'], warnings: [] },
    });
    expect(settledEvent(lost)).toMatchObject({
      type: 'recovery-lost',
      attempts: 3,
      error: { errorClass: 'SourceNotFound', category: 'lost' },
    });
    expect(settledEvent({ ...lost, state: 'failed' })).toMatchObject({ type: 'recovery-failed' });
  });

  it('returns null for an open recovery', () => {
    const { settledAt: _, ...open } = lost;
    expect(settledEvent({ ...open, state: 'copying' })).toBeNull();
  });

  it('keeps the id when an event is published again, and has another one after a redrive', () => {
    const ids = [
      lost,
      { ...lost, settledAt: NOW + 99, attempts: 4 },
      { ...lost, redrives: 1 },
      { ...lost, fileId: 'fedcba9876543210' },
      recovered,
    ].map((record) => settledEvent(record)?.id);
    expect(ids[1]).toBe(ids[0]);
    expect(new Set(ids).size).toBe(4);
  });
});

describe('attributesOf', () => {
  it('gives the event of a preflight a type of its own and nothing of a file', () => {
    expect(attributesOf(preflightEvent('a', NOW))).toEqual({ type: 'preflight', test: 'true' });
  });

  it('returns type, role, error class and test to filter by', () => {
    const event = settledEvent(recovered);
    expect(event && attributesOf(event)).toEqual({ type: 'recovery-recovered', role: 'media', test: 'true' });
    expect(attributesOf(failureEvent({ ...failure, test: false }))).toEqual({
      type: 'primary-failure',
      role: 'media',
      test: 'false',
      errorClass: 'UploadAccessDeniedError',
    });
  });
});
