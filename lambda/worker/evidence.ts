import { isAmong, type RecoveryRecord } from '../shared/ledger/records.ts';
import type { BackupFile } from '../shared/model.ts';
import type { WorkerContext } from './context.ts';

/** Whether a file was lost before the URL of this message was tried to its end: it may succeed. */
export function isNewEvidence(
  { state, spentMessages }: RecoveryRecord,
  { deadline }: Pick<BackupFile, 'deadline'>,
  { message, now }: Pick<WorkerContext, 'message' | 'now'>,
): boolean {
  return state === 'lost' && deadline > now() && !isAmong(spentMessages, message.messageId);
}
