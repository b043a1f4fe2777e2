import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import { noteNotification } from '../shared/ledger/latest.ts';
import { count as countRefusal } from '../shared/ledger/refusals.ts';
import { sendMessages } from '../shared/queue/send.ts';
import { clientLimits } from '../shared/runtime/client-limits.ts';
import { parseEnvironment } from '../shared/runtime/environment.ts';
import { createMeter } from '../shared/runtime/metrics.ts';
import { arrivalNotes } from './arrivals.ts';
import { CredentialCache } from './authenticate.ts';
import { ingestEnvironment } from './environment.ts';
import { type ReceiveDependencies, receive } from './receive.ts';
import type { IngestResponse } from './response.ts';

const environment = parseEnvironment(ingestEnvironment);
const logger = new Logger();
const meter = createMeter(new Metrics());
// Zencoder does not wait long: a quick 503, after which it sends again, beats a late response.
const limits = clientLimits({ requestMs: 3_000 });
const queue = new SQSClient(limits);
const secrets = new SecretsManagerClient(limits);
// What is counted and noted here delays a response by less than two seconds, whether it is written or not.
const table = {
  client: new DynamoDBClient(clientLimits({ requestMs: 600, attempts: 1 })),
  tableName: environment.TABLE_NAME,
  recordTtlDays: 0,
  now: Date.now,
};

const dependencies: ReceiveDependencies = {
  credentials: new CredentialCache(secrets, environment.NOTIFICATION_SECRET_ARN, (error) =>
    logger.warn('notification secret not read again, older credentials stay in use', { error }),
  ),
  send: (bodies) => sendMessages(queue, environment.QUEUE_URL, bodies),
  // Not by the ledger's handle, which would bring all of the ledger into this function's bundle.
  countRefusal: (status) => countRefusal(table, status),
  noteArrival: arrivalNotes({
    write: () => noteNotification(table),
    onError: (error) => logger.warn('time of the last notification not noted', { error }),
    now: Date.now,
  }),
  settings: {
    storage: environment.ZENCODER_STORAGE,
    collectUnsentOutputs: environment.COLLECT_UNSENT_OUTPUTS,
  },
  log: logger,
  meter,
  now: Date.now,
};

/** `POST /notifications` of the HTTP API, and every path that no other route of it has. */
export async function handler(event: APIGatewayProxyEventV2, context: Context): Promise<IngestResponse> {
  logger.addContext(context);
  try {
    return await receive(event, dependencies);
  } finally {
    meter.flush();
  }
}
