import { RecoveryError } from '../shared/errors.ts';
import type { BackupFile } from '../shared/model.ts';
import type { StorageAllowList } from '../shared/storage-hosts.ts';

/** A URL that is not on Zencoder's storage, or not in a form that is fetched: no request ever leaves for it. */
export class SourceNotAllowed extends RecoveryError {
  override readonly name = 'SourceNotAllowed';
  override readonly meaning = 'not-understood';
}

/**
 * The file as it may be fetched. Ingest has checked the same; a message that was put on the queue by other hands must not
 * make the worker ask any other host.
 *
 * @throws {SourceNotAllowed} when the allow-list does not admit its URL; says why, and names the host only.
 */
export function allowedSource(file: BackupFile, storage: StorageAllowList): BackupFile {
  const admission = storage.admit(file.url);
  if (admission.kind === 'admitted') return { ...file, url: admission.file.text };
  const host = URL.parse(file.url)?.host ?? 'no host';
  throw new SourceNotAllowed(`a ${file.role} file is on ${host}: ${admission.why}`);
}
