import type { RecoveryEvent } from '../../lambda/shared/events/events.ts';
import type { JobRecords } from '../../lambda/shared/ledger/reads.ts';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { objectsOf, retries, type StoredObject, uploadsOf } from './invariants.ts';
import type { QueuedMessage } from './queue.ts';
import { expectedState, maxLosses, mediaKey, outputsOf, type Scenario } from './scenario.ts';
import type { ModelServers } from './servers.ts';

/** Checks what must hold at every moment. @returns a sentence for each broken promise. */
export function faultsNow(
  recoveries: readonly RecoveryRecord[],
  objects: readonly StoredObject[],
  queued: readonly QueuedMessage[],
  { hasApi }: Scenario,
): string[] {
  return recoveries.flatMap((record) => {
    const { state, settledAt, role, fileId } = record;
    const isStranded = settledAt === undefined && !queued.some((message) => retries(message, record, hasApi));
    const isInBucket = objects.some((object) => object.fileId === fileId);
    return [
      ...(isStranded ? [`an open ${role} recovery has no message`] : []),
      ...(state === 'lost' && isInBucket
        ? [`a ${role} recovery is lost and its object is in the bucket`]
        : []),
    ];
  });
}

/** The state at the end of a run. */
export interface RunEnd {
  readonly scenario: Scenario;
  readonly jobId: string;
  readonly records: JobRecords;
  readonly published: readonly RecoveryEvent[];
  /** Number of backup files. */
  readonly files: number;
  readonly customerUpload: string | undefined;
}

/** Checks what must hold at the end of a run. @returns a sentence for each broken promise. */
export async function faultsAtEnd(servers: ModelServers, end: RunEnd): Promise<string[]> {
  return [
    ...faultsOfRecords(end),
    ...faultsOfEvents(end),
    ...(await faultsOfObjects(servers, end)),
    ...(await faultsOfUploads(servers, end)),
  ];
}

function faultsOfRecords({ scenario, jobId, records, files }: RunEnd): string[] {
  const { failures, recoveries } = records;
  const faults: string[] = [];
  if (recoveries.length !== files) faults.push(`${recoveries.length} recoveries for ${files} files`);
  if (failures.length !== outputsOf(scenario).length) faults.push(`${failures.length} primary failures`);
  for (const record of recoveries) {
    const { role, state, lastError } = record;
    const expected = expectedOf(record, scenario, jobId);
    if (state === expected) continue;
    faults.push(`a ${role} recovery is ${state} (${lastError?.errorClass}) instead of ${expected}`);
  }
  return faults;
}

/** Only the file with the customer's key conflicts with the customer's object. */
function expectedOf({ role, outputId, key }: RecoveryRecord, scenario: Scenario, jobId: string): string {
  if (role !== 'media') return 'recovered';
  const state = expectedState(scenario);
  const hasAnotherKey = outputId !== '1' && key !== mediaKey(scenario, jobId);
  return state === 'failed' && hasAnotherKey ? 'recovered' : state;
}

function faultsOfEvents({ scenario, records, published }: RunEnd): string[] {
  const faults: string[] = [];
  if (!published.some(({ type }) => type === 'primary-failure'))
    faults.push('primary-failure was not published');
  for (const { role, state, fileId } of records.recoveries) {
    const own = published.filter((event) => 'file' in event && event.file.id === fileId);
    if (!own.some(({ type }) => type === `recovery-${state}`)) {
      faults.push(`recovery-${state} of ${role} was not published`);
    }
    const losses = new Set(own.filter(({ type }) => type === 'recovery-lost').map(({ id }) => id));
    if (losses.size > maxLosses(scenario)) faults.push('one piece of evidence lost a file more than once');
  }
  return faults;
}

async function faultsOfObjects(servers: ModelServers, { jobId, records }: RunEnd): Promise<string[]> {
  const objects = await objectsOf(servers, jobId);
  const recovered = records.recoveries.filter(({ state }) => state === 'recovered').length;
  const own = objects.filter(({ fileId }) => fileId !== undefined).length;
  return own === recovered ? [] : [`${own} objects for ${recovered} recovered files`];
}

async function faultsOfUploads(servers: ModelServers, { jobId, customerUpload }: RunEnd): Promise<string[]> {
  const uploads = await uploadsOf(servers, jobId);
  const isGone = customerUpload !== undefined && !uploads.some(({ id }) => id === customerUpload);
  return [
    ...(isGone ? ["the customer's own upload was aborted"] : []),
    // An upload without a part costs nothing; one is left when a process dies before it learns the upload's id.
    ...(uploads.some(({ hasParts }) => hasParts) ? ['an upload with parts is left'] : []),
  ];
}
