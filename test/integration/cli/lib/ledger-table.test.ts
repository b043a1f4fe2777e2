import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  DeleteTableCommand,
  DynamoDBClient,
  type TableDescription,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTable, readTableErrors, tableErrors } from '../../../../infra/cli/lib/ledger-table.ts';
import { type LocalDynamoDb, startDynamoDb } from '../../../../infra/local/aws/dynamodb.ts';
import { createLedgerTable } from '../../../support/ledger-table.ts';

let server: LocalDynamoDb;
let client: DynamoDBClient;
beforeAll(async () => {
  server = await startDynamoDb();
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  client = new DynamoDBClient({ endpoint: server.endpoint, region: 'us-east-1', credentials });
});
afterAll(async () => {
  client?.destroy();
  await server?.close();
});

async function withTable(
  make: (name: string) => Promise<unknown>,
  test: (name: string) => Promise<void>,
): Promise<void> {
  const name = `ledger-${randomUUID()}`;
  await make(name);
  try {
    await test(name);
  } finally {
    await client.send(new DeleteTableCommand({ TableName: name }));
  }
}

describe('readTableErrors', () => {
  it('accepts a table with the keys and indexes of the ledger', async () => {
    await withTable(
      (name) => createLedgerTable(client, name),
      async (name) => expect(await readTableErrors(client, name)).toEqual([]),
    );
  });

  it('names the index that a table lacks', async () => {
    await withTable(
      async (name) => {
        await createLedgerTable(client, name);
        const GlobalSecondaryIndexUpdates = [{ Delete: { IndexName: 'events-owed' } }];
        await client.send(new UpdateTableCommand({ TableName: name, GlobalSecondaryIndexUpdates }));
      },
      async (name) =>
        expect(await readTableErrors(client, name)).toEqual([
          `table ${name}: index events-owed is missing, restore the table with all of its indexes`,
        ]),
    );
  });

  it('names the key of a table that is no ledger', async () => {
    await withTable(
      (name) =>
        client.send(
          new CreateTableCommand({
            TableName: name,
            BillingMode: 'PAY_PER_REQUEST',
            AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
            KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
          }),
        ),
      async (name) =>
        expect(await readTableErrors(client, name)).toEqual([
          `table ${name} has the key id (HASH), the ledger has pk and sk, both strings: name another table`,
        ]),
    );
  });

  it('reports a table that does not exist', async () => {
    expect(await readTableErrors(client, 'no-such-ledger')).toEqual([
      'table no-such-ledger does not exist in this account and region',
    ]);
  });
});

describe('checkTable', () => {
  it('warns of a table whose time to live is off, as it is after a restore', async () => {
    await withTable(
      (name) => createLedgerTable(client, name),
      async (name) => {
        const { errors, warnings } = await checkTable(client, name);
        expect(errors).toEqual([]);
        expect(warnings).toEqual([expect.stringContaining(`table ${name} has no time to live by ttl`)]);
        const TimeToLiveSpecification = { AttributeName: 'ttl', Enabled: true };
        await client.send(new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification }));
        expect((await checkTable(client, name)).warnings).toEqual([]);
      },
    );
  });
});

describe('tableErrors', () => {
  const keys = (hash: string, range: string): TableDescription['KeySchema'] => [
    { AttributeName: hash, KeyType: 'HASH' },
    { AttributeName: range, KeyType: 'RANGE' },
  ];

  it('asks to wait for a table that is being restored', () => {
    expect(tableErrors('mine', { TableStatus: 'CREATING' })).toEqual([
      'table mine is CREATING: wait until it is ACTIVE',
    ]);
  });

  it.each([
    ['an index of another key', { KeySchema: keys('owedKey', 'owedShard') }, 'has the key owedKey (HASH)'],
    ['an index without items', { Projection: { ProjectionType: 'INCLUDE' as const } }, 'holds INCLUDE'],
    ['an index that is being filled', { IndexStatus: 'CREATING' as const }, 'is CREATING: wait'],
  ])('refuses %s', (_, change, message) => {
    const good = {
      IndexName: 'events-owed',
      IndexStatus: 'ACTIVE' as const,
      KeySchema: keys('owedShard', 'owedKey'),
      Projection: { ProjectionType: 'KEYS_ONLY' as const },
    };
    const errorsWith = (index: object) =>
      tableErrors('mine', {
        TableStatus: 'ACTIVE',
        KeySchema: keys('pk', 'sk'),
        AttributeDefinitions: ['pk', 'sk', 'owedShard', 'owedKey'].map((name) => ({
          AttributeName: name,
          AttributeType: 'S',
        })),
        GlobalSecondaryIndexes: [{ ...good, ...index }],
      }).filter((error) => error.includes('events-owed'));
    expect(errorsWith({})).toEqual([]);
    expect(errorsWith(change)).toEqual([expect.stringContaining(message)]);
  });
});
