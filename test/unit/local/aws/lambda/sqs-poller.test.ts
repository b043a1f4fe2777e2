import { describe, expect, it } from 'vitest';
import { failedIds } from '../../../../../infra/local/aws/lambda/sqs-poller.ts';

describe('failedIds', () => {
  it.each([
    ['nothing', null],
    ['empty text', ''],
    ['an empty object', {}],
    ['an empty list', { batchItemFailures: [] }],
    ['a null list', { batchItemFailures: null }],
  ])('takes %s as success', (_name, result) => {
    expect(failedIds(result)).toEqual([]);
  });

  it('returns the ids of failed messages', () => {
    expect(failedIds({ batchItemFailures: [{ itemIdentifier: 'a' }, { itemIdentifier: 'b' }] })).toEqual([
      'a',
      'b',
    ]);
  });

  it.each([
    ['text', 'oops'],
    ['a list that is none', { batchItemFailures: 'a' }],
    ['an empty identifier', { batchItemFailures: [{ itemIdentifier: '' }] }],
    ['a null identifier', { batchItemFailures: [{ itemIdentifier: null }] }],
    ['a misspelt key', { batchItemFailures: [{ messageId: 'a' }] }],
  ])('rejects %s as malformed', (_name, result) => {
    expect(failedIds(result)).toBeUndefined();
  });
});
