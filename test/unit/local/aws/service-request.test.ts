import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readServiceRequest } from '../../../../infra/local/aws/service-request.ts';

const post = (body: string, headers: Record<string, string> = {}) => ({
  method: 'POST',
  url: '/',
  headers,
  body: Buffer.from(body),
});
const TARGET = { 'x-amz-target': 'AmazonSQS.SendMessage' };

describe('readServiceRequest', () => {
  it('reads operation and input of any JSON object', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (input) => {
        const request = readServiceRequest('sqs', post(JSON.stringify(input), TARGET));
        expect(request?.operation).toBe('SendMessage');
        expect(request?.input).toEqual(JSON.parse(JSON.stringify(input)));
      }),
    );
  });

  it('reads nothing of a body that is no object, and throws for none', () => {
    const bodies = fc.oneof(
      fc.string(),
      fc
        .jsonValue()
        .filter((value) => typeof value !== 'object' || value === null || Array.isArray(value))
        .map(String),
    );
    fc.assert(
      fc.property(bodies, (body) => {
        const request = readServiceRequest('dynamodb', post(body, TARGET));
        const isObject = /^\s*\{/.test(body);
        if (!isObject) expect(request).toBeUndefined();
      }),
    );
  });

  it('reads the parameters of the query protocol, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (message) => {
        const body = new URLSearchParams({ Action: 'Publish', Message: message }).toString();
        const request = readServiceRequest('sns', post(body));
        expect(request).toMatchObject({ operation: 'Publish', input: { Message: message.toWellFormed() } });
      }),
    );
  });

  it('takes the caller from the credential of the signature, and none without one', () => {
    const authorization =
      'AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261125/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0';
    expect(readServiceRequest('sqs', post('{}', { ...TARGET, authorization }))?.accessKeyId).toBe(
      'AKIAEXAMPLE',
    );
    expect(readServiceRequest('sqs', post('{}', TARGET))?.accessKeyId).toBeUndefined();
  });
});
