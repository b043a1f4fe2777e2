import { isAmong, type RecoveryRecord } from '../shared/ledger/records.ts';
import type { BackupFile } from '../shared/zencoder/model.ts';
import type { WorkerContext } from './dependencies.ts';

/** Whether a file was lost before the URL that this message brings was tried to its end: it may succeed. */
export function isNewEvidence(
  { state, spentEvidence }: RecoveryRecord,
  { deadline }: Pick<BackupFile, 'deadline'>,
  { evidence, now }: Pick<WorkerContext, 'evidence' | 'now'>,
): boolean {
  if (state !== 'lost' || deadline <= now() || evidence === undefined) return false;
  return !isAmong(spentEvidence, evidence);
}
