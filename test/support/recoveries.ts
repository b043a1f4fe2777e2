import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { HOUR_MS } from '../../lambda/shared/runtime/durations.ts';
import { NOW } from './ledger-data.ts';

let next = 0;

/** A recovery as the ledger would give it, for tests that need no ledger. */
export function aRecovery(given: Partial<RecoveryRecord> = {}): RecoveryRecord {
  return {
    jobId: '1702455310',
    outputId: '4310660242',
    role: 'media',
    fileId: (next++).toString(16).padStart(16, '0'),
    label: 'hd',
    outputType: 'standard',
    passThrough: null,
    test: false,
    filename: 'hd.mp4',
    thumbnailLabel: null,
    source: 's3://zencoder-temp-storage-us-east-1/o/1/hd.mp4',
    state: 'pending',
    deadline: NOW + 24 * HOUR_MS,
    expectedSize: 1000,
    expectedMd5: null,
    failedAt: NOW,
    createdAt: NOW,
    updatedAt: NOW,
    attempts: 0,
    history: [],
    ...given,
  };
}
