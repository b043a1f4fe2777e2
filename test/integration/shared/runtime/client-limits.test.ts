import { createServer, type RequestListener } from 'node:http';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, describe, expect, it } from 'vitest';
import { type LocalServer, listen } from '../../../../infra/local/aws/listen.ts';
import { failureEvent } from '../../../../lambda/shared/events/events.ts';
import { createEventPublisher } from '../../../../lambda/shared/events/publisher.ts';
import { clientLimits } from '../../../../lambda/shared/runtime/client-limits.ts';
import { aFailure, NOW } from '../../../support/ledger-data.ts';

let server: LocalServer | undefined;
let requests = 0;
afterEach(() => server?.close());

/** Options of a client whose service accepts every request and does no more than `respond`. */
async function clientOfStalled(respond: RequestListener = () => undefined) {
  requests = 0;
  server = await listen(
    createServer((request, response) => {
      requests += 1;
      respond(request, response);
    }),
  );
  return {
    ...clientLimits({ requestMs: 50, attempts: 2 }),
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
  };
}

describe('clientLimits, of a service that does not respond', () => {
  it.each([
    [
      'DynamoDB',
      (options: object) =>
        new DynamoDBClient(options).send(new GetItemCommand({ TableName: 't', Key: { pk: { S: '1' } } })),
    ],
    [
      'SQS',
      (options: object) =>
        new SQSClient(options).send(new SendMessageCommand({ QueueUrl: 'http://q/1/q', MessageBody: 'x' })),
    ],
    [
      'Secrets Manager',
      (options: object) =>
        new SecretsManagerClient(options).send(new GetSecretValueCommand({ SecretId: 's' })),
    ],
  ])('end a call to %s after its attempts', async (_, call) => {
    await expect(call(await clientOfStalled())).rejects.toMatchObject({ name: 'TimeoutError' });
    expect(requests).toBe(2);
  });

  it('end a call to SNS as events that were not published', async () => {
    const { errorClass, message, link, destinationHost, role } = aFailure();
    const event = failureEvent({
      ...{ jobId: '1', outputId: '2', role, label: null, outputType: null, passThrough: null, test: false },
      ...{ failedAt: NOW, recordedAt: NOW, errorClass, message, link, destinationHost },
    });
    const publisher = createEventPublisher(
      new SNSClient(await clientOfStalled()),
      'arn:aws:sns:us-east-1:1:events',
    );
    await expect(publisher.publish([event])).rejects.toMatchObject({
      name: 'EventsNotPublished',
      code: 'TimeoutError',
      refused: new Set([event.id]),
      isOfTopic: true,
    });
  });

  it('end a call whose response stalls in its body', async () => {
    const options = await clientOfStalled((_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('{');
    });
    const call = new DynamoDBClient(options).send(
      new GetItemCommand({ TableName: 't', Key: { pk: { S: '1' } } }),
    );
    await expect(call).rejects.toThrow();
  });
});
