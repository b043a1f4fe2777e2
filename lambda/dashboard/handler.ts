import { Logger } from '@aws-lambda-powertools/logger';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { handle } from 'hono/aws-lambda';
import { createLedger } from '../shared/ledger/ledger.ts';
import { clientLimits } from '../shared/runtime/client-limits.ts';
import { HOUR_MS } from '../shared/runtime/durations.ts';
import { createDownloads, createRetryQueue } from './actions.ts';
import { createDashboard } from './app.tsx';
import { dashboardCredentials } from './auth.ts';
import { dashboardEnvironment } from './environment.ts';

const environment = dashboardEnvironment();
const log = new Logger();

/** Everything that API Gateway sends here but the notifications. */
export const handler = handle(
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
    ),
    retries: createRetryQueue(new SQSClient(clientLimits()), environment.QUEUE_URL),
    downloads: createDownloads(new S3Client(clientLimits())),
    region: environment.AWS_REGION,
    atRiskMs: environment.AT_RISK_HOURS * HOUR_MS,
    hasApiKey: environment.HAS_ZENCODER_API_KEY,
    log,
    now: Date.now,
  }),
);
