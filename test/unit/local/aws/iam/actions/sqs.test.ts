import { describe, expect, it } from 'vitest';
import { sqsAccessRequests } from '../../../../../../infra/local/aws/iam/actions/sqs.ts';
import type { JsonObject } from '../../../../../../infra/local/json.ts';

const PLACE = { region: 'eu-west-1', accountId: '111122223333' };
const QueueUrl = 'http://127.0.0.1:4100/000000000000/recoveries';

function needs(operation: string, input: JsonObject, isSecure = true) {
  const request = { service: 'sqs', operation, input, accessKeyId: 'A', isSecure, bytes: 2 } as const;
  return sqsAccessRequests(request, PLACE);
}

describe('sqsAccessRequests', () => {
  it.each([
    ['SendMessage', 'SendMessage'],
    ['SendMessageBatch', 'SendMessage'],
    ['DeleteMessage', 'DeleteMessage'],
    ['DeleteMessageBatch', 'DeleteMessage'],
    ['ChangeMessageVisibility', 'ChangeMessageVisibility'],
    ['ChangeMessageVisibilityBatch', 'ChangeMessageVisibility'],
    ['ReceiveMessage', 'ReceiveMessage'],
    ['GetQueueAttributes', 'GetQueueAttributes'],
    ['PurgeQueue', 'PurgeQueue'],
  ])('%s needs sqs:%s on the queue that its URL names', (operation, action) => {
    expect(needs(operation, { QueueUrl })).toEqual([
      {
        action: `sqs:${action}`,
        resource: 'arn:aws:sqs:eu-west-1:111122223333:recoveries',
        context: new Map([['aws:securetransport', ['true']]]),
      },
    ]);
  });

  it('takes the queue of GetQueueUrl by its name', () => {
    expect(needs('GetQueueUrl', { QueueName: 'dead' })[0]?.resource).toMatch(/:dead$/);
  });

  it('says when a request did not come by TLS', () => {
    expect(needs('SendMessage', { QueueUrl }, false)[0]?.context.get('aws:securetransport')).toEqual([
      'false',
    ]);
  });

  it('throws for an operation that it does not know, naming it', () => {
    expect(() => needs('AddPermission', { QueueUrl })).toThrow(
      'sqs: no IAM action is known for the operation "AddPermission"',
    );
  });
});
