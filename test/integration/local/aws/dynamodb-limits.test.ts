import {
  type AttributeValue,
  BatchGetItemCommand,
  BatchWriteItemCommand,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  TransactWriteItemsCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDynamoDb } from '../../../../infra/local/aws/dynamodb.ts';

/*
 * That the local DynamoDB is no kinder than AWS: its quotas
 * (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html,
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html) by the product's own client.
 */

type Item = Record<string, AttributeValue>;

const TableName = 'limits';
const running = new AsyncDisposableStack();
let client: DynamoDBClient;

beforeAll(async () => {
  const server = running.adopt(await startDynamoDb(), (each) => each.close());
  const credentials = { accessKeyId: 'a', secretAccessKey: 'b' };
  const config = { endpoint: server.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
  client = running.adopt(new DynamoDBClient(config), (each) => each.destroy());
  const names = ['pk', 'sk', 'other'];
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: names.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'sk', KeyType: 'RANGE' },
      ],
      GlobalSecondaryIndexes: [
        {
          IndexName: 'by-other',
          KeySchema: [{ AttributeName: 'other', KeyType: 'HASH' }],
          Projection: { ProjectionType: 'ALL' },
        },
      ],
    }),
  );
});
afterAll(() => running.disposeAsync());

const keyOf = (pk: string, sk = 's'): Item => ({ pk: { S: pk }, sk: { S: sk } });
const put = (item: Item) => client.send(new PutItemCommand({ TableName, Item: item }));
const text = (bytes: number) => ({ S: 'x'.repeat(bytes) });

/** An item of so many bytes: the names and values of its attributes. */
const sized = (pk: string, bytes: number): Item => ({
  ...keyOf(pk),
  d: text(bytes - 'pk'.length - pk.length - 'sks'.length - 'd'.length),
});

const transact = (items: readonly Item[]) =>
  client.send(
    new TransactWriteItemsCommand({
      TransactItems: items.map((each) => ({ Put: { TableName, Item: each } })),
    }),
  );

function nested(levels: number): AttributeValue {
  let value: AttributeValue = { S: 'x' };
  for (let level = 0; level < levels; level++) value = { L: [value] };
  return value;
}

const update = (UpdateExpression: string, value: AttributeValue, pk = 'updated') =>
  client.send(
    new UpdateItemCommand({
      TableName,
      Key: keyOf(pk),
      UpdateExpression,
      ExpressionAttributeValues: { ':v': value },
    }),
  );

const many = (count: number) => Array.from({ length: count }, (_, index) => keyOf(`many-${index}`));

describe('the local DynamoDB', () => {
  it('takes what is at the limits', async () => {
    await put(sized('item', 400 * 1024));
    await put(keyOf('p'.repeat(2048), 's'.repeat(1024)));
    await put({ ...keyOf('number'), n: { N: '1'.repeat(38) }, empty: { S: '' } });
    await put({ ...keyOf('nested'), d: nested(31) });
    const RequestItems = {
      [TableName]: many(25).map((each) => ({ PutRequest: { Item: each } })),
    };
    await client.send(new BatchWriteItemCommand({ RequestItems }));
    await transact(many(100));
    const { Responses } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: many(100) } } }),
    );
    expect(Responses?.[TableName]).toHaveLength(100);
  });

  it.each<[string, RegExp, () => Promise<unknown>]>([
    ['an item over 400 KB', /Item size has exceeded/, () => put(sized('item', 400 * 1024 + 1))],
    [
      'an update that makes an item larger than 400 KB',
      /Item size to update has exceeded/,
      async () => {
        await put(sized('grows', 400 * 1024));
        await update('SET e = :v', text(1), 'grows');
      },
    ],
    ['an empty partition key', /empty string value/, () => put(keyOf(''))],
    ['an empty sort key', /empty string value/, () => put(keyOf('p', ''))],
    ['an empty key of an index', /empty string value/, () => put({ ...keyOf('p'), other: { S: '' } })],
    ['a partition key over 2048 bytes', /2048 bytes/, () => put(keyOf('p'.repeat(2049)))],
    ['a sort key over 1024 bytes', /1024 bytes/, () => put(keyOf('p', 's'.repeat(1025)))],
    [
      'a number of 39 digits',
      /38 significant digits/,
      () => put({ ...keyOf('p'), n: { N: '1'.repeat(39) } }),
    ],
    ['values nested deeper than 32 levels', /Nesting Levels/, () => put({ ...keyOf('p'), d: nested(33) })],
    ['an empty set', /may not be empty/, () => put({ ...keyOf('p'), s: { SS: [] } })],
    [
      'an expression over 4 KB',
      /Expression size has exceeded/,
      () => update(`SET ${'a'.repeat(4090)} = :v`, text(1)),
    ],
    ['a reserved word as a name', /reserved keyword/, () => update('SET size = :v', text(1))],
    [
      'a batch of 26 writes',
      /less than or equal to 25/,
      () =>
        client.send(
          new BatchWriteItemCommand({
            RequestItems: { [TableName]: many(26).map((each) => ({ PutRequest: { Item: each } })) },
          }),
        ),
    ],
    [
      'a batch of 101 reads',
      /less than or equal to 100/,
      () => client.send(new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys: many(101) } } })),
    ],
    ['a transaction of 101 actions', /less than or equal to 100/, () => transact(many(101))],
    [
      'a transaction over 4 MB',
      /4MB limit/,
      () => transact(Array.from({ length: 11 }, (_, index) => sized(`large-${index}`, 400_000))),
    ],
    [
      'two actions of a transaction on one item',
      /multiple operations on one item/,
      () => transact([keyOf('same'), keyOf('same')]),
    ],
  ])('refuses %s', async (_, message, request) => {
    await expect(request()).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringMatching(message),
    });
  });

  it('refuses half of a surrogate pair, which the SDK sends as an escape and UTF-8 cannot hold', async () => {
    for (const item of [{ ...keyOf('p'), s: { S: 'a\ud800b' } }, keyOf('p\ud800')]) {
      await expect(put(item)).rejects.toMatchObject({ name: 'SerializationException' });
    }
    await put({ ...keyOf('whole'), s: { S: '\u{1f39e}' } });
    const { Item: read } = await client.send(new GetItemCommand({ TableName, Key: keyOf('whole') }));
    expect(read?.s).toEqual({ S: '\u{1f39e}' });
  });

  it('ends a page of a query after 1 MB, and a batch of reads before 16 MB', async () => {
    for (let index = 0; index < 4; index++) {
      await put({ ...keyOf('pages', `s${index}`), d: text(390_000) });
    }
    const { Items, LastEvaluatedKey } = await client.send(
      new QueryCommand({
        TableName,
        KeyConditionExpression: 'pk = :p',
        ExpressionAttributeValues: { ':p': { S: 'pages' } },
      }),
    );
    expect(Items?.length).toBeLessThan(4);
    expect(LastEvaluatedKey).toBeDefined();
    const items = Array.from({ length: 42 }, (_, index) => sized(`batch-${index}`, 400_000));
    for (const each of items) await put(each);
    const Keys = items.map(({ pk }) => keyOf(pk?.S ?? ''));
    const { Responses, UnprocessedKeys } = await client.send(
      new BatchGetItemCommand({ RequestItems: { [TableName]: { Keys } } }),
    );
    expect(Responses?.[TableName]?.length).toBeLessThan(42);
    expect(UnprocessedKeys?.[TableName]?.Keys?.length).toBeGreaterThan(0);
  });
});
