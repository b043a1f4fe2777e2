import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import type { RecoveryRecord } from '../../lambda/shared/ledger/records.ts';
import { HOUR_MS } from '../../lambda/shared/runtime/durations.ts';
import type { Journal } from './journal.ts';
import { mediaKey, type Scenario } from './scenario.ts';
import { BUCKET } from './servers.ts';

/** Reconcile runs at these times in any case: after the deadlines it settles what nothing else did. */
const LATE_RECONCILES = [25, 26, 42, 43].map((hours) => hours * HOUR_MS);

/** An event from outside the stack. */
export interface ExternalEvent {
  /** Milliseconds after the run began. */
  readonly after: number;
  readonly label: string;
  /** Whether it starts an invocation, for which a process must be free. */
  readonly isInvocation: boolean;
  readonly act: () => Promise<void> | void;
}

export interface ExternalActions {
  readonly notify: (signature: number) => void;
  readonly redrive: () => void;
  readonly reconcile: () => void;
  readonly customer: () => Promise<void>;
}

/** The events of a scenario. */
export function externalEvents(
  { later, redriveAfter, reconcileAfter, customer }: Scenario,
  { notify, redrive, reconcile, customer: customerActs }: ExternalActions,
): ExternalEvent[] {
  const event = (after: number, label: string, act: ExternalEvent['act']): ExternalEvent => ({
    ...{ after, label, act, isInvocation: false },
  });
  return [
    ...[{ after: 0, signature: 0 }, ...later].map(({ after, signature }) =>
      event(after, `a notification, signature ${signature}`, () => notify(signature)),
    ),
    ...(redriveAfter === null ? [] : [event(redriveAfter, 'a redrive', redrive)]),
    ...[...reconcileAfter, ...LATE_RECONCILES].map((after) => ({
      ...event(after, 'reconcile begins', reconcile),
      isInvocation: true,
    })),
    ...(customer === 'nothing' ? [] : [event(0, `the customer ${customer}`, customerActs)]),
  ];
}

/**
 * Puts an object of the customer at the key of the media file, or creates an upload there.
 *
 * @returns the id of the upload.
 */
export async function actAsCustomer(
  client: S3Client,
  scenario: Scenario,
  jobId: string,
): Promise<string | undefined> {
  const place = { Bucket: BUCKET, Key: mediaKey(scenario, jobId) };
  if (scenario.customer === 'has-object') {
    await client.send(new PutObjectCommand({ ...place, Body: 'of the customer' }));
    return undefined;
  }
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(place));
  return UploadId;
}

/** Aborts the uploads of recoveries, as a lifecycle rule or a person does. */
export async function abortUploads(
  client: S3Client,
  recoveries: readonly RecoveryRecord[],
  journal: Journal,
): Promise<void> {
  for (const { upload } of recoveries) {
    if (upload === undefined) continue;
    journal.log(`upload ${upload.uploadId.slice(0, 6)} disappears`);
    const { key: Key, uploadId: UploadId } = upload;
    await client
      .send(new AbortMultipartUploadCommand({ Bucket: BUCKET, Key, UploadId }))
      .catch(() => undefined);
  }
}
