import type { Config } from '../../infra/config.ts';

/** What the settings need that is not part of the stack. */
export interface Surroundings {
  /** Id of the account. */
  readonly account: string;
  readonly region: string;
  /** A bucket beside the stack; its name serves as a table's, too, which no deployment looks at. */
  readonly bucket: string;
  /** Whole ARN of a secret beside the stack. */
  readonly secretArn: string;
}

/** One update: the settings to deploy with, beside the base. */
export type Settings = Readonly<Record<string, string>>;

/**
 * For each setting another value than its default, as the command line takes it. The stack's name is not here: the whole
 * run has a name of its own.
 */
export function updatesOf(
  around: Surroundings,
): Readonly<Record<Exclude<keyof Config, 'stackName'>, Settings>> {
  const { account, region, bucket, secretArn } = around;
  const ownBucket = { bucketName: bucket };
  const key = `arn:aws:kms:${region}:${account}:key/1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b`;
  return {
    bucketName: ownBucket,
    bucketOwner: { ...ownBucket, bucketOwner: account },
    bucketKmsKeyArn: { ...ownBucket, bucketKmsKeyArn: key },
    existingTableName: { existingTableName: bucket },
    previousBuckets: { previousBuckets: bucket },
    terminationProtection: { terminationProtection: 'true' },
    keyTemplate: { keyTemplate: 'foreign/{job_id}/{output_id}/{role}/{thumbnail_label}/{filename}' },
    zencoderStorage: { zencoderStorage: 'zencoder-temp-storage-us-east-1' },
    collectUnsentOutputs: { collectUnsentOutputs: 'true' },
    dashboard: { dashboard: 'false' },
    atRiskHours: { atRiskHours: '8' },
    failedUploadsPerHour: { failedUploadsPerHour: '25' },
    reconcileMinutes: { reconcileMinutes: '1' },
    zencoderApiKeySecretArn: { zencoderApiKeySecretArn: secretArn },
    zencoderApiUrl: { zencoderApiUrl: 'https://zencoder.example/api/v2' },
    alarmEmail: { alarmEmail: 'alarms@example.com' },
    maxConcurrency: { maxConcurrency: '7' },
    ingestReservedConcurrency: { ingestReservedConcurrency: '5' },
    workerTimeoutSeconds: { workerTimeoutSeconds: '600' },
    workerMemoryMb: { workerMemoryMb: '1024' },
    segmentBytes: { segmentBytes: '1073741824' },
    recordTtlDays: { recordTtlDays: '365' },
    logLevel: { logLevel: 'DEBUG' },
    logRetentionDays: { logRetentionDays: '30' },
  };
}
