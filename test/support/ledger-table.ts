import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { startDynamoDb } from '../../infra/local/aws/dynamodb.ts';
import { createLedger, type Ledger } from '../../lambda/shared/ledger/ledger.ts';
import {
  INDEXES,
  type ItemKey,
  type LedgerItemNotUnderstood,
  recoveryItemKey,
  TABLE_KEYS,
  type Table,
  TTL_ATTRIBUTE,
} from '../../lambda/shared/ledger/table.ts';
import type { RecoveryKey } from '../../lambda/shared/zencoder/model.ts';
import { NOW } from './ledger-data.ts';

/** A ledger whose clock a test sets. */
export interface DatedLedger extends Ledger {
  /** The same ledger at another time, epoch milliseconds. */
  at(time: number): Ledger;
  /** What it is made of, for what the ledger's own functions do not do. */
  readonly table: Table;
}

/** A ledger table of its own for a test file; its lists leave out what cannot be read, into {@link unreadable}. */
export interface TestLedger extends DatedLedger {
  readonly unreadable: LedgerItemNotUnderstood[];
  readonly client: DynamoDBClient;
  readonly tableName: string;
  readonly endpoint: string;
  /** The same ledger with other options. */
  with(options: Partial<Table>): Ledger;
  /** Epoch second after which DynamoDB may delete a recovery's item. */
  ttlOf(key: RecoveryKey): Promise<number | undefined>;
  /** Sets one attribute of an item, as a hand or another version would. */
  edit(key: ItemKey, attribute: string, value: unknown): Promise<void>;
  close(): Promise<void>;
}

/** The ledger in a table, with a clock that a test sets. */
export function datedLedger(table: Table): DatedLedger {
  return { ...createLedger(table), table, at: (time) => createLedger({ ...table, now: () => time }) };
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
        Projection: { ProjectionType: index.projection },
      })),
    }),
  );
}

/**
 * Starts a DynamoDB (or takes the one that `AWS_ENDPOINT_URL_DYNAMODB` names) and makes a ledger table in it.
 *
 * @param now the ledger's clock; it stands at `NOW` when absent.
 */
export async function startLedger(now: () => number = () => NOW): Promise<TestLedger> {
  const server = await startDynamoDb();
  const client = new DynamoDBClient({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const tableName = `ledger-${randomUUID()}`;
  await createLedgerTable(client, tableName);
  const unreadable: LedgerItemNotUnderstood[] = [];
  const onUnreadable = (item: LedgerItemNotUnderstood) => void unreadable.push(item);
  const table: Table = { client, tableName, recordTtlDays: 0, now, onUnreadable };
  return {
    ...datedLedger(table),
    unreadable,
    client,
    tableName,
    endpoint: server.endpoint,
    with: (options) => createLedger({ ...table, ...options }),
    async ttlOf(key) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: tableName, Key: marshall(recoveryItemKey(key)) }),
      );
      return Item?.[TTL_ATTRIBUTE]?.N === undefined ? undefined : Number(Item[TTL_ATTRIBUTE].N);
    },
    async edit({ pk, sk }, attribute, value) {
      await client.send(
        new UpdateItemCommand({
          TableName: tableName,
          Key: marshall({ pk, sk }),
          UpdateExpression: 'SET #attribute = :value',
          ExpressionAttributeNames: { '#attribute': attribute },
          ExpressionAttributeValues: marshall({ ':value': value }),
        }),
      );
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
