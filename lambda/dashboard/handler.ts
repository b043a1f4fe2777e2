import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import * as v from 'valibot';
import { createLedger } from '../shared/ledger/ledger.ts';
import { expectOwner } from '../shared/runtime/bucket-owner.ts';
import { clientLimits } from '../shared/runtime/client-limits.ts';
import { HOUR_MS } from '../shared/runtime/durations.ts';
import { createMeter } from '../shared/runtime/metrics.ts';
import { type DownloadEvent, downloadEvent } from '../shared/runtime/preflight.ts';
import { createDownloads, createRetryQueue } from './actions.ts';
import { createDashboard } from './app.tsx';
import { dashboardCredentials } from './credentials.ts';
import { dashboardEnvironment } from './environment.ts';
import { checkDownload } from './preflight.ts';

const environment = dashboardEnvironment();
const log = new Logger();
const meter = createMeter(new Metrics());

const s3 = new S3Client(clientLimits());
const owners = new Map([
  ...environment.PREVIOUS_BUCKETS,
  [environment.BUCKET_NAME, environment.BUCKET_OWNER],
]);
expectOwner(s3, (bucket) => owners.get(bucket) || undefined);

const downloads = createDownloads(s3, new Set(owners.keys()));

const respond = handle(
  createDashboard({
    ledger: createLedger({
      client: new DynamoDBClient(clientLimits()),
      tableName: environment.TABLE_NAME,
      recordTtlDays: 0,
      now: Date.now,
    }),
    credentials: dashboardCredentials(
      new SecretsManagerClient(clientLimits()),
      environment.DASHBOARD_SECRET_ARN,
      (reason) => log.error('viewer of the dashboard not usable', { reason }),
    ),
    retries: createRetryQueue(new SQSClient(clientLimits()), environment.QUEUE_URL),
    downloads,
    region: environment.AWS_REGION,
    atRiskMs: environment.AT_RISK_HOURS * HOUR_MS,
    hasApiKey: environment.HAS_ZENCODER_API_KEY,
    log,
    meter,
    now: Date.now,
  }),
);

/** Everything that API Gateway sends here but the notifications; and an operator's preflight request. */
export async function handler(event: LambdaEvent | DownloadEvent) {
  if ('preflight' in event) {
    const { key } = v.parse(downloadEvent, event);
    return await checkDownload(downloads, { bucket: environment.BUCKET_NAME, key });
  }
  try {
    return await respond(event);
  } finally {
    meter.flush();
  }
}
