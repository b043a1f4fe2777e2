import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics } from '@aws-lambda-powertools/metrics';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Context, ScheduledEvent } from 'aws-lambda';
import { createEventPublisher } from '../shared/events/publisher.ts';
import { createLedger } from '../shared/ledger/ledger.ts';
import { encodeMessage } from '../shared/queue/messages.ts';
import { sendMessages } from '../shared/queue/send.ts';
import { clientLimits } from '../shared/runtime/client-limits.ts';
import { HOUR_MS } from '../shared/runtime/durations.ts';
import { parseEnvironment } from '../shared/runtime/environment.ts';
import { createMeter } from '../shared/runtime/metrics.ts';
import { zencoderApiOf } from '../shared/zencoder/api-key.ts';
import type { ReconcileDependencies } from './dependencies.ts';
import { reconcileEnvironment } from './environment.ts';
import { backlogOf, stalledAfterMs } from './open-recoveries.ts';
import { type ReconcileSummary, reconcile } from './reconcile.ts';

const environment = parseEnvironment(reconcileEnvironment);
const logger = new Logger();
const meter = createMeter(new Metrics());
const sqs = new SQSClient(clientLimits());

const dependencies: ReconcileDependencies = {
  ledger: createLedger({
    client: new DynamoDBClient(clientLimits()),
    tableName: environment.TABLE_NAME,
    // It makes no records, so none of its writes decides when one may be deleted.
    recordTtlDays: 0,
    now: Date.now,
  }),
  api: zencoderApiOf(environment),
  send: (messages) => sendMessages(sqs, environment.QUEUE_URL, messages.map(encodeMessage)),
  backlog: () => backlogOf(sqs, environment.QUEUE_URL),
  events: createEventPublisher(new SNSClient(clientLimits()), environment.EVENTS_TOPIC_ARN),
  settings: {
    storage: environment.ZENCODER_STORAGE,
    collectUnsentOutputs: environment.COLLECT_UNSENT_OUTPUTS,
  },
  atRiskMs: environment.AT_RISK_HOURS * HOUR_MS,
  stalledAfterMs: stalledAfterMs(environment.VISIBILITY_SECONDS),
  meter,
  logger,
  now: Date.now,
};

/** Called by the schedule; its event is not read. */
export async function handler(_event: ScheduledEvent, lambda: Context): Promise<ReconcileSummary> {
  logger.addContext(lambda);
  try {
    return await reconcile(dependencies, Date.now() + lambda.getRemainingTimeInMillis());
  } finally {
    meter.flush();
  }
}
