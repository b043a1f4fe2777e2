import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  GetItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { startDynamoDb } from '../../infra/local/dynamodb.ts';
import { recoveryKey } from '../../lambda/shared/ledger/keys.ts';
import type { LedgerTable } from '../../lambda/shared/ledger/ledger-table.ts';
import { INDEXES, TABLE_KEYS, TTL_ATTRIBUTE } from '../../lambda/shared/ledger/table-schema.ts';
import type { RecoveryKey } from '../../lambda/shared/model.ts';

/** A ledger table of its own for a test file. */
export interface TestLedger {
  readonly table: LedgerTable;
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  /** Epoch second after which DynamoDB may delete a recovery's item. */
  ttlOf(key: RecoveryKey): Promise<number | undefined>;
  close(): Promise<void>;
}

/** Makes a ledger table with the keys and indexes of the schema. */
export async function createLedgerTable(client: DynamoDBClient, tableName: string): Promise<void> {
  const indexes = Object.values(INDEXES);
  const names = new Set([TABLE_KEYS, ...indexes].flatMap((keys) => [keys.partitionKey, keys.sortKey]));
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [...names].map((name) => ({ AttributeName: name, AttributeType: 'S' as const })),
      KeySchema: keySchema(TABLE_KEYS),
      GlobalSecondaryIndexes: indexes.map((index) => ({
        IndexName: index.name,
        KeySchema: keySchema(index),
        Projection: { ProjectionType: 'ALL' as const },
      })),
    }),
  );
}

/** Starts a DynamoDB (or takes the one that `AWS_ENDPOINT_URL_DYNAMODB` names) and makes a ledger table in it. */
export async function startLedger(): Promise<TestLedger> {
  const server = await startDynamoDb();
  const client = new DynamoDBClient({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const tableName = `ledger-${randomUUID()}`;
  await createLedgerTable(client, tableName);
  return {
    table: { client, tableName, recordTtlDays: 0 },
    client,
    endpoint: server.endpoint,
    async ttlOf(key) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: marshall(recoveryKey(key)) }),
      );
      return Item?.[TTL_ATTRIBUTE]?.N === undefined ? undefined : Number(Item[TTL_ATTRIBUTE].N);
    },
    async close() {
      await client.send(new DeleteTableCommand({ TableName: tableName }));
      client.destroy();
      await server.close();
    },
  };
}

function keySchema(keys: { readonly partitionKey: string; readonly sortKey: string }) {
  return [
    { AttributeName: keys.partitionKey, KeyType: 'HASH' as const },
    { AttributeName: keys.sortKey, KeyType: 'RANGE' as const },
  ];
}
