import { describe, expect, it } from 'vitest';
import { dynamoDbAccessRequests } from '../../../../../../infra/local/aws/iam/actions/dynamodb.ts';
import type { JsonObject } from '../../../../../../infra/local/json.ts';

const PLACE = { region: 'eu-west-1', accountId: '111122223333' };
const TABLE = 'arn:aws:dynamodb:eu-west-1:111122223333:table/ledger';
const TableName = 'ledger';
const key = (pk: string) => ({ pk: { S: pk }, sk: { S: 's' } });

/** Each permission with its leading keys: `dynamodb:GetItem ARN [keys]`. */
function needs(operation: string, input: JsonObject): string[] {
  const request = {
    service: 'dynamodb',
    operation,
    input,
    accessKeyId: 'A',
    isSecure: true,
    bytes: 2,
  } as const;
  return dynamoDbAccessRequests(request, PLACE, 'pk').map(
    ({ action, resource, context }) =>
      `${action} ${resource} [${context.get('dynamodb:leadingkeys')?.join() ?? ''}]`,
  );
}

describe('dynamoDbAccessRequests', () => {
  it('needs the action on the table, with the partition key of the item', () => {
    expect(needs('GetItem', { TableName, Key: key('JOB#1') })).toEqual([`dynamodb:GetItem ${TABLE} [JOB#1]`]);
    expect(needs('UpdateItem', { TableName, Key: key('JOB#1') })).toEqual([
      `dynamodb:UpdateItem ${TABLE} [JOB#1]`,
    ]);
    expect(needs('DeleteItem', { TableName, Key: key('JOB#1') })).toEqual([
      `dynamodb:DeleteItem ${TABLE} [JOB#1]`,
    ]);
    expect(needs('PutItem', { TableName, Item: { ...key('JOB#1'), other: { S: 'x' } } })).toEqual([
      `dynamodb:PutItem ${TABLE} [JOB#1]`,
    ]);
  });

  it('gives an item without the partition key an empty one, which no condition on leading keys allows', () => {
    const request = { service: 'dynamodb', accessKeyId: 'A', isSecure: true, bytes: 2 } as const;
    const input = { TableName, Key: { id: { S: 'x' } } };
    const [asked] = dynamoDbAccessRequests({ ...request, operation: 'UpdateItem', input }, PLACE, 'pk');
    expect(asked?.context.get('dynamodb:leadingkeys')).toEqual(['']);
  });

  it('takes a table that is named by its ARN', () => {
    expect(needs('GetItem', { TableName: TABLE, Key: key('JOB#1') })).toEqual([
      `dynamodb:GetItem ${TABLE} [JOB#1]`,
    ]);
  });

  it('needs dynamodb:Query on the index that a query names, and else on the table', () => {
    const query = {
      TableName,
      KeyConditionExpression: '#p = :p',
      ExpressionAttributeValues: { ':p': { S: 'JOB#1' } },
    };
    expect(needs('Query', query)).toEqual([`dynamodb:Query ${TABLE} [JOB#1]`]);
    expect(needs('Query', { ...query, IndexName: 'by-day' })).toEqual([
      `dynamodb:Query ${TABLE}/index/by-day [JOB#1]`,
    ]);
  });

  it('needs the action of each item of a transaction', () => {
    const TransactItems = [
      { Put: { TableName, Item: key('JOB#1') } },
      { Update: { TableName, Key: key('JOB#2') } },
      { Delete: { TableName: 'other', Key: key('JOB#3') } },
      { ConditionCheck: { TableName, Key: key('JOB#4') } },
    ];
    expect(needs('TransactWriteItems', { TransactItems })).toEqual([
      `dynamodb:PutItem ${TABLE} [JOB#1]`,
      `dynamodb:UpdateItem ${TABLE} [JOB#2]`,
      `dynamodb:DeleteItem ${TABLE.replace('ledger', 'other')} [JOB#3]`,
      `dynamodb:ConditionCheckItem ${TABLE} [JOB#4]`,
    ]);
    expect(needs('TransactGetItems', { TransactItems: [{ Get: { TableName, Key: key('JOB#1') } }] })).toEqual(
      [`dynamodb:GetItem ${TABLE} [JOB#1]`],
    );
  });

  it('needs the action of a batch on each of its tables, with all partition keys', () => {
    expect(needs('BatchGetItem', { RequestItems: { ledger: { Keys: [key('A'), key('B')] } } })).toEqual([
      `dynamodb:BatchGetItem ${TABLE} [A,B]`,
    ]);
    const requests = [{ PutRequest: { Item: key('A') } }, { DeleteRequest: { Key: key('B') } }];
    expect(needs('BatchWriteItem', { RequestItems: { ledger: requests } })).toEqual([
      `dynamodb:BatchWriteItem ${TABLE} [A,B]`,
    ]);
  });

  it('throws for an operation that it does not know, naming it', () => {
    expect(() => needs('ExecuteStatement', {})).toThrow(
      'dynamodb: no IAM action is known for the operation "ExecuteStatement"',
    );
  });
});
