import {
  CreateTableCommand,
  type CreateTableCommandInput,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import * as v from 'valibot';
import { parseProperties, truth } from './parse.ts';
import { type Maker, physicalName } from './world.ts';

const keySchema = v.array(v.object({ AttributeName: v.string(), KeyType: v.picklist(['HASH', 'RANGE']) }));
const index = v.object({
  IndexName: v.string(),
  KeySchema: keySchema,
  Projection: v.object({
    ProjectionType: v.optional(v.picklist(['ALL', 'KEYS_ONLY', 'INCLUDE'])),
    NonKeyAttributes: v.optional(v.array(v.string())),
  }),
});
const properties = v.object({
  AttributeDefinitions: v.array(
    v.object({ AttributeName: v.string(), AttributeType: v.picklist(['S', 'N', 'B']) }),
  ),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: v.optional(v.array(index)),
  LocalSecondaryIndexes: v.optional(v.array(index)),
  StreamSpecification: v.optional(
    v.object({ StreamViewType: v.picklist(['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES']) }),
  ),
  TimeToLiveSpecification: v.optional(v.object({ AttributeName: v.optional(v.string()), Enabled: truth })),
});

/**
 * AWS::DynamoDB::Table and AWS::DynamoDB::GlobalTable, one replica. Always on demand; point-in-time recovery,
 * protection and encryption have no local meaning.
 */
export const makeTable: Maker = async (resource, world) => {
  const wanted = parseProperties(properties, resource);
  const name = physicalName(resource, 'TableName', world, 255);
  const input: CreateTableCommandInput = {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: wanted.AttributeDefinitions,
    KeySchema: wanted.KeySchema,
    GlobalSecondaryIndexes: wanted.GlobalSecondaryIndexes,
    LocalSecondaryIndexes: wanted.LocalSecondaryIndexes,
    StreamSpecification: wanted.StreamSpecification && { StreamEnabled: true, ...wanted.StreamSpecification },
  };
  const { dynamodb } = world.clients;
  const created = await dynamodb.send(new CreateTableCommand(input));
  if (created.TableDescription?.TableStatus !== 'ACTIVE') {
    await waitUntilTableExists({ client: dynamodb, maxWaitTime: 60, minDelay: 1 }, { TableName: name });
  }
  const { AttributeName, Enabled = false } = wanted.TimeToLiveSpecification ?? {};
  if (Enabled && AttributeName !== undefined) {
    await dynamodb.send(
      new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: { AttributeName, Enabled } }),
    );
  }
  const arn =
    created.TableDescription?.TableArn ?? `arn:aws:dynamodb:${world.region}:${world.accountId}:table/${name}`;
  const stream = created.TableDescription?.LatestStreamArn;
  return {
    ref: name,
    attributes: { Arn: arn, TableId: name, ...(stream === undefined ? {} : { StreamArn: stream }) },
  };
};
