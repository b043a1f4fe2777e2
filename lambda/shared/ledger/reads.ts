import { GetItemCommand, QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { OutputKey, RecoveryKey, Role } from '../zencoder/model.ts';
import { type Item, parseFailure, parseRecovery, parseSegment } from './items.ts';
import type { PrimaryFailureRecord, RecoveryRecord, SegmentRecord } from './records.ts';
import {
  jobPartition,
  kindOfKey,
  recoveriesPrefix,
  recoveryItemKey,
  segmentsPrefix,
  type Table,
} from './table.ts';
import { readable } from './unreadable.ts';

/** Everything that the ledger knows of a job, but for items that cannot be read: see `unreadable.ts`. */
export interface JobRecords {
  readonly failures: readonly PrimaryFailureRecord[];
  readonly recoveries: readonly RecoveryRecord[];
}

/** One recovery as it is now (consistent read: 1 read unit for each 4 KB); undefined when there is none. */
export async function readRecovery(table: Table, key: RecoveryKey): Promise<RecoveryRecord | undefined> {
  const { Item } = await table.client.send(
    new GetItemCommand({
      TableName: table.tableName,
      Key: marshall(recoveryItemKey(key)),
      ConsistentRead: true,
    }),
  );
  return Item && parseRecovery(unmarshall(Item));
}

/**
 * All primary failures and recoveries of a job, by output and role; the progress of recoveries includes segments that
 * are at work. A job has at most 20 outputs of a few hundred thumbnails each, so the result is a list.
 *
 * Cost: one Query for each MB, half a read unit for each 4 KB.
 */
export async function readJob(table: Table, jobId: string): Promise<JobRecords> {
  const failures: PrimaryFailureRecord[] = [];
  const others: Item[] = [];
  for await (const item of itemsUnder(table, jobId, 'OUTPUT#')) {
    if (kindOf(item) === 'failure') failures.push(...readable(table, parseFailure, item));
    else others.push(item);
  }
  return { failures, recoveries: withSegmentProgress(table, others) };
}

/** The recoveries of one output, or of one role of it, as {@link readJob} gives them. */
export async function readRecoveriesOf(
  table: Table,
  key: OutputKey & { readonly role?: Role },
): Promise<RecoveryRecord[]> {
  const items = await Array.fromAsync(itemsUnder(table, key.jobId, recoveriesPrefix(key)));
  return withSegmentProgress(table, items);
}

/** The segments of a recovery that are at work, or were when their invocation crashed. Consistent read. */
export async function readSegments(table: Table, key: RecoveryKey): Promise<SegmentRecord[]> {
  const items = itemsUnder(table, key.jobId, segmentsPrefix(key), { ConsistentRead: true });
  const segments = await Array.fromAsync(items, (item) => readable(table, parseSegment, item));
  return segments.flat();
}

/** A recovery's own count of bytes holds finished segments; the others are added here, each once. */
function withSegmentProgress(table: Table, items: readonly Item[]): RecoveryRecord[] {
  const segments = Map.groupBy(
    items.filter((item) => kindOf(item) === 'segment').flatMap((item) => readable(table, parseSegment, item)),
    (segment) => recoveryItemKey(segment).sk,
  );
  return items
    .filter((item) => kindOf(item) === 'recovery')
    .flatMap((item) => readable(table, parseRecovery, item))
    .map((recovery) => addProgress(recovery, segments.get(recoveryItemKey(recovery).sk) ?? []));
}

function kindOf({ sk }: Item): ReturnType<typeof kindOfKey> {
  return kindOfKey(String(sk));
}

function addProgress(recovery: RecoveryRecord, segments: readonly SegmentRecord[]): RecoveryRecord {
  const { upload } = recovery;
  if (upload === undefined) return recovery;
  const atWork = segments.filter(
    ({ uploadId, segment }) => uploadId === upload.uploadId && !upload.segmentsDone.includes(segment),
  );
  if (atWork.length === 0) return recovery;
  const bytes = atWork.reduce((sum, { bytesDone }) => sum + bytesDone, recovery.bytesDone ?? 0);
  const progressAt = Math.max(recovery.progressAt ?? 0, ...atWork.map((segment) => segment.progressAt ?? 0));
  return { ...recovery, bytesDone: Math.min(bytes, upload.size), ...(progressAt > 0 && { progressAt }) };
}

async function* itemsUnder(
  table: Table,
  jobId: string,
  prefix: string,
  options: Pick<QueryCommandInput, 'ConsistentRead'> = {},
): AsyncGenerator<Item> {
  let next: QueryCommandInput['ExclusiveStartKey'];
  do {
    const { Items = [], LastEvaluatedKey } = await table.client.send(
      new QueryCommand({
        TableName: table.tableName,
        KeyConditionExpression: 'pk = :pk AND begins_with(sk, :prefix)',
        ExpressionAttributeValues: marshall({ ':pk': jobPartition(jobId), ':prefix': prefix }),
        ExclusiveStartKey: next,
        ...options,
      }),
    );
    for (const item of Items) yield unmarshall(item);
    next = LastEvaluatedKey;
  } while (next !== undefined);
}
