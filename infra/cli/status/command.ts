import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SQSClient } from '@aws-sdk/client-sqs';
import { noting } from '../../../lambda/shared/ledger/unreadable.ts';
import { type CommandContext, NeedsAttention } from '../command.ts';
import { progressOn } from '../progress.ts';
import { explained, outputOf, resolveTarget } from '../target.ts';
import { statusOptions } from './options.ts';
import { attentionFor, readStatus } from './read.ts';
import { statusJson, writeStatus } from './show.ts';

/** `npm run status`: see its help in `options.ts`. */
export async function status({ argv, out, err, now }: CommandContext): Promise<void> {
  const { atRisk, limit, json, target: which } = statusOptions(argv);
  const target = await resolveTarget(which);
  const client = new DynamoDBClient(target.clientConfig('dynamodb'));
  const sqs = new SQSClient(target.clientConfig('sqs'));
  const progress = progressOn(err);
  try {
    await progress.show('Asking the ledger and the queues …');
    const { table, unreadable } = noting({
      client,
      tableName: outputOf(target, 'TableName'),
      recordTtlDays: 0,
    });
    const sources = {
      table,
      sqs,
      queueUrl: outputOf(target, 'QueueUrl'),
      deadLetterQueueUrl: outputOf(target, 'DeadLetterQueueUrl'),
    };
    const found = await readStatus(sources, { atRisk, limit, now });
    await progress.clear();
    const attention = attentionFor(found, unreadable);
    if (json) await out.write(`${JSON.stringify(statusJson(found, attention, now))}\n`);
    else await writeStatus(out, found, { name: target.name, atRisk, now });
    if (attention.length > 0) throw new NeedsAttention(`\nTo do: ${attention.join('\n       ')}`);
  } catch (error) {
    throw explained(error);
  } finally {
    await progress.clear();
    client.destroy();
    sqs.destroy();
  }
}
