import {
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import type { RecoveryEvent } from '../../lambda/shared/events/events.ts';
import type { JobRecords } from '../../lambda/shared/ledger/reads.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { parseMessage } from '../../lambda/shared/queue/messages.ts';
import { fileIdOf } from '../../lambda/shared/zencoder/signed-url.ts';
import type { QueuedMessage } from './queue.ts';
import { BUCKET, type ModelServers } from './servers.ts';

/** An object of a job as the bucket has it. */
export interface StoredObject {
  readonly key: string;
  /** Id of the file that its metadata names; undefined for an object that the stack did not make. */
  readonly fileId: string | undefined;
}

/** Whether a queued message leads to another attempt at a recovery. */
export function retries({ body }: QueuedMessage, record: RecoveryRecord, hasApi: boolean): boolean {
  const message = parseMessage(body);
  switch (message.type) {
    case 'output':
      return message.files.some(({ role, url }) => role === record.role && fileIdOf(url) === record.fileId);
    case 'segment':
      return fileIdOf(message.file.url) === record.fileId;
    case 'redrive':
      return hasApi;
  }
}

/** The objects of a job. */
export async function objectsOf({ client }: ModelServers, jobId: string): Promise<StoredObject[]> {
  const Prefix = `zencoder-recovery/${jobId}/`;
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET, Prefix }));
  return await Promise.all(
    Contents.map(async ({ Key = '' }) => {
      const { Metadata = {} } = await client.send(new HeadObjectCommand({ Bucket: BUCKET, Key }));
      return { key: Key, fileId: Metadata['zencoder-file'] };
    }),
  );
}

/** Ids of the unfinished uploads of a job, each with whether it holds a part, which costs money until it is aborted. */
export async function uploadsOf(
  { client }: ModelServers,
  jobId: string,
): Promise<{ readonly id: string; readonly hasParts: boolean }[]> {
  const Prefix = `zencoder-recovery/${jobId}/`;
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET, Prefix }));
  return await Promise.all(
    Uploads.map(async ({ Key = '', UploadId = '' }) => {
      const { Parts = [] } = await client.send(new ListPartsCommand({ Bucket: BUCKET, Key, UploadId }));
      return { id: UploadId, hasParts: Parts.length > 0 };
    }),
  );
}

/** The records of the job, and every settled state that they have had, with its time. */
export class Ledger {
  records: JobRecords = { failures: [], recoveries: [] };
  readonly #servers: ModelServers;
  readonly #jobId: string;
  readonly #settled = new Set<string>();

  constructor(servers: ModelServers, jobId: string) {
    this.#servers = servers;
    this.#jobId = jobId;
  }

  /** Reads the records again; after every write, so that no intermediate state is missed. */
  async read(): Promise<void> {
    this.records = await this.#servers.ledger.queries.readJob(this.#jobId);
    for (const { fileId, state, settledAt } of this.records.recoveries) {
      if (settledAt !== undefined) this.#settled.add(settlement(fileId, state, settledAt));
    }
  }

  /** Whether the ledger has ever had the state that an event reports. */
  hasSeen(event: RecoveryEvent): boolean {
    if (event.type === 'primary-failure') {
      return this.records.failures.some(({ role }) => role === event.role);
    }
    const state = event.type.replace('recovery-', '');
    return this.#settled.has(settlement(event.file.id, state, Date.parse(event.settledAt)));
  }
}

function settlement(fileId: string, state: string, settledAt: number): string {
  return `${fileId} ${state} ${settledAt}`;
}
