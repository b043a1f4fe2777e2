import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import { createLedger } from '../../lambda/shared/ledger/ledger.ts';
import { parseDuration } from '../../lambda/shared/reporting/time.ts';
import { toCommandFailure } from './lib/aws-errors.ts';
import {
  type CommandContext,
  isEntryPoint,
  NeedsAttention,
  quoted,
  readOptions,
  runCommand,
  UsageError,
  wholeNumber,
} from './lib/command.ts';
import { readTableErrors } from './lib/ledger-table.ts';
import { outputOf, resolveTarget, STACK_HELP, STACK_OPTIONS } from './lib/target.ts';
import { progressOn } from './lib/terminal.ts';
import { attentionFor, readStatus, statusJson, writeStatus } from './status-report.ts';

/** The value of the setting `atRiskHours`, unless an option replaces it. */
const AT_RISK = '6h';

export const HELP = `Usage: npm run status -- [options]

Shows whether all is well: open recoveries, the nearest deadline first, with the time that is left; how many are at
risk; what was settled, and which notifications were refused, in the last 24 hours; events that the topic has not
taken, if any; what the queue and the dead-letter queue hold, and why messages are dead; who gets the alarms; when
Zencoder's last notification came (to the minute; those of send-test do not count), and when a preflight last passed.

  --at-risk TIME    a recovery with less time left is at risk (default: ${AT_RISK})
  --limit N         list at most N open recoveries (default: 20)
  --json            one JSON object

${STACK_HELP}
Exit codes: 0 all is well, 1 status unavailable, 2 not understood, 3 needs attention: a recovery is at risk, denied by
the bucket or failed in the last 24 hours, records cannot be read, notifications were refused, events are owed (not
delivered), there are dead letters, a subscription to the alarms is not confirmed, or the table is no ledger (another
key, an index missing).

Examples:
  npm run status
  npm run status -- --local --at-risk 12h
  npm run --silent status -- --json | jq '.open.atRisk'
`;

/** The options of the command. */
export interface StatusOptions {
  /** Milliseconds. */
  readonly atRisk: number;
  readonly limit: number;
  readonly json: boolean;
  readonly target: { readonly stack?: string; readonly local?: boolean };
}

/**
 * Reads the command line.
 *
 * @throws {UsageError}
 */
export function statusOptions(argv: readonly string[]): StatusOptions {
  const values = readOptions(argv, {
    'at-risk': { type: 'string', default: AT_RISK },
    limit: { type: 'string', default: '20' },
    json: { type: 'boolean', default: false },
    ...STACK_OPTIONS,
  });
  const { 'at-risk': atRisk, limit, json, ...target } = values;
  const milliseconds = parseDuration(atRisk);
  if (milliseconds === null) throw new UsageError(`--at-risk expects e.g. 4h or 90m, not ${quoted(atRisk)}`);
  return { atRisk: milliseconds, limit: wholeNumber('--limit', limit, 0, 10_000), json, target };
}

/** `npm run status`: see {@link HELP}. */
export async function status({ argv, environment, out, err, now }: CommandContext): Promise<void> {
  const { atRisk, limit, json, target: which } = statusOptions(argv);
  const target = await resolveTarget(which, { environment });
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  const sqs = new SQSClient(target.clientConfig('sqs'));
  const sns = new SNSClient(target.clientConfig('sns'));
  const progress = progressOn(err);
  try {
    await progress.show('Asking the ledger and the queues …');
    const tableName = outputOf(target, 'TableName');
    const errors = await readTableErrors(client, tableName);
    if (errors.length > 0) throw new NeedsAttention(`To do: ${errors.join('\n       ')}`);
    const { ledger, unreadable } = createLedger({
      client,
      tableName,
      recordTtlDays: 0,
      now: () => now,
    }).withUnreadable();
    const sources = {
      ledger,
      sqs,
      queueUrl: outputOf(target, 'QueueUrl'),
      deadLetterQueueUrl: outputOf(target, 'DeadLetterQueueUrl'),
      sns,
      alarmTopicArn: outputOf(target, 'AlarmTopicArn'),
      alarmEmail: target.outputs.AlarmEmail,
    };
    const found = await readStatus(sources, { atRisk, limit, now });
    await progress.clear();
    const attention = attentionFor(found, unreadable);
    if (json) await out.write(`${JSON.stringify(statusJson(found, attention, now))}\n`);
    else await writeStatus(out, found, { name: target.name, atRisk, now });
    if (attention.length > 0) throw new NeedsAttention(`\nTo do: ${attention.join('\n       ')}`);
  } catch (error) {
    throw toCommandFailure(error, target.name);
  } finally {
    await progress.clear();
    client.destroy();
    sqs.destroy();
    sns.destroy();
  }
}

if (isEntryPoint(import.meta)) await runCommand('status', HELP, status);
