import {
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  type DynamoDBClient,
  type GlobalSecondaryIndexDescription,
  type KeySchemaElement,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { INDEXES, type IndexSchema, TABLE_KEYS, TTL_ATTRIBUTE } from '../../../lambda/shared/ledger/table.ts';

/** What is wrong with the table that a stack has for its ledger: one made by hand, restored without an index, … */
export interface TableReport {
  readonly table: string;
  /** What makes it unusable, each with what to do; empty when all is well. */
  readonly errors: readonly string[];
  /** What does no harm at once, each with what to do. */
  readonly warnings: readonly string[];
}

const RESTORE = 'restore the table with all of its indexes';

/**
 * What keeps a table from being the ledger: another key, an index that is missing, different or not ready.
 *
 * @param table as `DescribeTable` returns it; undefined when there is none.
 */
export function tableErrors(name: string, table: TableDescription | undefined): string[] {
  if (table === undefined) return [`table ${name} does not exist in this account and region`];
  if (table.TableStatus !== 'ACTIVE') {
    return [`table ${name} is ${table.TableStatus ?? 'in an unknown state'}: wait until it is ACTIVE`];
  }
  const types = new Map(table.AttributeDefinitions?.map((each) => [each.AttributeName, each.AttributeType]));
  const text = (attribute: string) => types.get(attribute) === 'S';
  if (!hasKeys(table.KeySchema, TABLE_KEYS) || !Object.values(TABLE_KEYS).every(text)) {
    return [
      `table ${name} has the key ${keysOf(table.KeySchema)}, the ledger has pk and sk, both strings: name another table`,
    ];
  }
  const indexes = new Map(table.GlobalSecondaryIndexes?.map((index) => [index.IndexName, index]));
  return Object.values(INDEXES).flatMap((wanted: IndexSchema) => {
    const error = indexError(wanted, indexes.get(wanted.name), text);
    return error === undefined ? [] : [`table ${name}: index ${wanted.name} ${error}`];
  });
}

function indexError(
  { partitionKey, sortKey, projection }: IndexSchema,
  found: GlobalSecondaryIndexDescription | undefined,
  isText: (attribute: string) => boolean,
): string | undefined {
  if (found === undefined) return `is missing, ${RESTORE}`;
  if (!hasKeys(found.KeySchema, { partitionKey, sortKey }) || ![partitionKey, sortKey].every(isText)) {
    return `has the key ${keysOf(found.KeySchema)}, not ${partitionKey} and ${sortKey}, both strings: ${RESTORE}`;
  }
  const held = found.Projection?.ProjectionType;
  if (held !== 'ALL' && held !== projection) return `holds ${held}, not ${projection}: ${RESTORE}`;
  return found.IndexStatus === 'ACTIVE' ? undefined : `is ${found.IndexStatus}: wait until it is ACTIVE`;
}

/** Compares the table with what the ledger needs. Cost: one DescribeTable. @throws the SDK's error */
export async function readTableErrors(client: DynamoDBClient, name: string): Promise<string[]> {
  try {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: name }));
    return tableErrors(name, Table);
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException')
      return tableErrors(name, undefined);
    throw error;
  }
}

/** As {@link readTableErrors}, and whether items expire. Cost: one DescribeTimeToLive more. */
export async function checkTable(client: DynamoDBClient, table: string): Promise<TableReport> {
  const errors = await readTableErrors(client, table);
  if (errors.length > 0) return { table, errors, warnings: [] };
  const { TimeToLiveDescription: ttl } = await client.send(
    new DescribeTimeToLiveCommand({ TableName: table }),
  );
  const isOn = ttl?.AttributeName === TTL_ATTRIBUTE && /^ENABL/.test(ttl.TimeToLiveStatus ?? '');
  if (isOn) return { table, errors, warnings: [] };
  return {
    table,
    errors,
    warnings: [
      `table ${table} has no time to live by ${TTL_ATTRIBUTE}: nothing in it expires; a restore turns it off, update-time-to-live on`,
    ],
  };
}

function hasKeys(
  schema: readonly KeySchemaElement[] | undefined,
  { partitionKey, sortKey }: Pick<IndexSchema, 'partitionKey' | 'sortKey'>,
): boolean {
  return keysOf(schema) === `${partitionKey} (HASH) and ${sortKey} (RANGE)`;
}

function keysOf(schema: readonly KeySchemaElement[] = []): string {
  const inOrder = schema.toSorted((a, b) => String(a.KeyType).localeCompare(String(b.KeyType)));
  return inOrder.map(({ AttributeName, KeyType }) => `${AttributeName} (${KeyType})`).join(' and ');
}
