import * as v from 'valibot';
import { asText, isObject, type Json, type JsonObject, objectAt } from '../../../json.ts';
import type { ServiceRequest } from '../../service-request.ts';
import type { AccessRequest } from '../access.ts';
import { contextOf, type Place, UnknownOperation } from './context.ts';

/** An action on one table or index, with the partition keys that the request names. */
interface Access {
  readonly action: string;
  readonly table: string;
  readonly index?: string | undefined;
  readonly leadingKeys: readonly string[];
}

/** Operations on the table itself, which name no key. */
const ON_TABLE = new Set([
  'CreateTable',
  'DeleteTable',
  'DescribeContinuousBackups',
  'DescribeTable',
  'DescribeTimeToLive',
  'ListTables',
  'Scan',
  'UpdateTimeToLive',
]);
/** Operations on one item, by what holds its key. */
const ON_ITEM: Readonly<Record<string, 'Item' | 'Key'>> = {
  DeleteItem: 'Key',
  GetItem: 'Key',
  PutItem: 'Item',
  UpdateItem: 'Key',
};
/** Actions of a transaction: each needs its own permission (…/amazondynamodb/latest/developerguide/transaction-apis-iam.html). */
const IN_TRANSACTION = {
  ConditionCheck: 'ConditionCheckItem',
  Delete: 'DeleteItem',
  Get: 'GetItem',
  Put: 'PutItem',
  Update: 'UpdateItem',
} as const;

const MAX_KEYS = 100;

/**
 * What a request to DynamoDB must be allowed
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html). A query of an index needs
 * permission on the index, not on the table.
 *
 * @param partitionKey name of the partition key of tables, whose values are `dynamodb:LeadingKeys`
 * @throws {UnknownOperation}
 */
export function dynamoDbAccessRequests(
  request: ServiceRequest,
  { region, accountId }: Place,
  partitionKey: string,
): AccessRequest[] {
  return accesses(request, partitionKey).map(({ action, table, index, leadingKeys }) => {
    const arn = table.startsWith('arn:') ? table : `arn:aws:dynamodb:${region}:${accountId}:table/${table}`;
    return {
      action: `dynamodb:${action}`,
      resource: index === undefined ? arn : `${arn}/index/${index}`,
      context: contextOf(request.isSecure, {
        'dynamodb:leadingkeys': leadingKeys.length === 0 ? undefined : leadingKeys,
      }),
    };
  });
}

function accesses({ operation, input }: ServiceRequest, partitionKey: string): Access[] {
  const table = input.TableName === undefined ? '*' : asText(input.TableName);
  const keysOf = (...items: (Json | undefined)[]) => items.flatMap((item) => keyOf(item, partitionKey));
  const holder = ON_ITEM[operation];
  if (holder !== undefined)
    return [{ action: operation, table, leadingKeys: keysOf(objectAt(input, holder)) }];
  const index = input.IndexName === undefined ? undefined : asText(input.IndexName);
  if (operation === 'Query') return [{ action: operation, table, index, leadingKeys: queriedKeys(input) }];
  if (ON_TABLE.has(operation)) return [{ action: operation, table, index, leadingKeys: [] }];
  switch (operation) {
    case 'TransactGetItems':
    case 'TransactWriteItems':
      return v.parse(objects, input.TransactItems).flatMap((item) => transacted(item, keysOf));
    case 'BatchGetItem':
      return Object.entries(objectAt(input, 'RequestItems')).map(([name, request]) => ({
        action: operation,
        table: name,
        leadingKeys: keysOf(...v.parse(objects, isObject(request) ? request.Keys : undefined)),
      }));
    case 'BatchWriteItem':
      return Object.entries(objectAt(input, 'RequestItems')).map(([name, requests]) => ({
        action: operation,
        table: name,
        leadingKeys: v
          .parse(objects, requests)
          .flatMap((each) => keysOf(objectAt(each, 'PutRequest').Item, objectAt(each, 'DeleteRequest').Key)),
      }));
    default:
      throw new UnknownOperation('dynamodb', operation);
  }
}

const objects = v.pipe(
  v.array(v.custom<JsonObject>((value) => isObject(value), 'expected an object')),
  v.maxLength(MAX_KEYS),
);

function transacted(item: JsonObject, keysOf: (...items: (Json | undefined)[]) => string[]): Access[] {
  return Object.entries(IN_TRANSACTION).flatMap(([name, action]) => {
    const found = item[name];
    if (!isObject(found)) return [];
    return [{ action, table: asText(found.TableName ?? ''), leadingKeys: keysOf(found.Key, found.Item) }];
  });
}

/** An item without the key counts as one with an empty key, which no condition on leading keys allows. */
function keyOf(item: Json | undefined, partitionKey: string): string[] {
  if (!isObject(item)) return [];
  const value = item[partitionKey];
  return isObject(value) ? Object.values(value).map((each) => asText(each)) : [''];
}

/**
 * What a query's key condition compares with `=`: the partition key must be among it, and the sort key may be, which then
 * counts as well, the stricter way.
 */
function queriedKeys(input: JsonObject): string[] {
  const condition = asText(input.KeyConditionExpression ?? '');
  const values = objectAt(input, 'ExpressionAttributeValues');
  return [...condition.matchAll(/=\s*(:\w+)/g)].flatMap(([, name = '']) =>
    Object.values(objectAt(values, name)).map((each) => asText(each)),
  );
}
