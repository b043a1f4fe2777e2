import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { PublishBatchCommand, PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import {
  CreateQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { startDynamoDb } from '../../../../infra/local/aws/dynamodb.ts';
import { type ServiceCheck, startFront } from '../../../../infra/local/aws/front.ts';
import { listen } from '../../../../infra/local/aws/listen.ts';
import { startMessaging } from '../../../../infra/local/aws/messaging.ts';
import type { FrontedService, ServiceRequest } from '../../../../infra/local/aws/service-request.ts';
import { createClock } from '../../../../infra/local/clock.ts';

const running = new AsyncDisposableStack();
const targets = { sqs: '', sns: '', dynamodb: '' };

beforeAll(async () => {
  vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', undefined);
  const messaging = running.adopt(await startMessaging(createClock()), (server) => server.close());
  const dynamodb = running.adopt(await startDynamoDb(), (server) => server.close());
  Object.assign(targets, {
    sqs: messaging.endpoint,
    sns: messaging.endpoint,
    dynamodb: dynamodb.endpoint,
  });
});
afterAll(() => running.disposeAsync());

/** What the SDK's clients need to call a front with these checks. */
async function clientConfig(service: FrontedService, ...checks: ServiceCheck[]) {
  const front = running.adopt(await startFront({ service, target: targets[service], checks }), (each) =>
    each.close(),
  );
  const credentials = { accessKeyId: 'AKIAFRONT', secretAccessKey: 'secret' };
  return { endpoint: front.endpoint, region: 'us-east-1', credentials, maxAttempts: 1 };
}

const denied = { status: 400, code: 'AccessDeniedException', message: 'not <you> & "me"' };

describe('startFront', () => {
  it('passes on what every check lets through, and the response as it is', async () => {
    const seen: ServiceRequest[] = [];
    const config = await clientConfig('sqs', (request) => void seen.push(request));
    const sqs = running.adopt(new SQSClient(config), (client) => client.destroy());

    await sqs.send(new CreateQueueCommand({ QueueName: 'passes' }));
    const QueueUrl = `${config.endpoint}/000000000000/passes`;
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'Grüße' }));
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));

    expect(Messages?.map(({ Body }) => Body)).toEqual(['Grüße']);
    expect(seen.map(({ operation }) => operation)).toEqual(['CreateQueue', 'SendMessage', 'ReceiveMessage']);
    expect(seen[1]).toEqual({
      service: 'sqs',
      operation: 'SendMessage',
      input: { QueueUrl, MessageBody: 'Grüße' },
      accessKeyId: 'AKIAFRONT',
      isSecure: true,
      bytes: Buffer.byteLength(JSON.stringify({ QueueUrl, MessageBody: 'Grüße' })),
    });
  });

  it('shows a request of the query protocol by its parameters', async () => {
    const seen: ServiceRequest[] = [];
    const config = await clientConfig('sns', (request) => {
      seen.push(request);
      return denied;
    });
    const sns = running.adopt(new SNSClient(config), (client) => client.destroy());
    const entries = [{ Id: 'a', Message: 'one & two' }];
    const command = new PublishBatchCommand({ TopicArn: 'arn:t', PublishBatchRequestEntries: entries });
    await expect(sns.send(command)).rejects.toThrow(denied.message);

    expect(seen).toEqual([
      expect.objectContaining({
        operation: 'PublishBatch',
        input: {
          Action: 'PublishBatch',
          Version: '2010-03-31',
          TopicArn: 'arn:t',
          'PublishBatchRequestEntries.member.1.Id': 'a',
          'PublishBatchRequestEntries.member.1.Message': 'one & two',
        },
      }),
    ]);
  });

  it('stops a request at the first check that refuses it', async () => {
    const asked: string[] = [];
    const check = (name: string, refusal?: typeof denied) => async () => {
      asked.push(name);
      return refusal;
    };
    const config = await clientConfig(
      'dynamodb',
      check('first'),
      check('second', denied),
      check('third', denied),
    );
    const dynamodb = running.adopt(new DynamoDBClient(config), (client) => client.destroy());

    await expect(dynamodb.send(new ListTablesCommand({}))).rejects.toMatchObject({
      name: 'AccessDeniedException',
      message: denied.message,
      $metadata: { httpStatusCode: 400 },
    });
    expect(asked).toEqual(['first', 'second']);
  });

  it('writes a refusal of SQS with the name that it has in the query protocol as well', async () => {
    const config = await clientConfig('sqs', () => ({ ...denied, status: 403, queryCode: 'AccessDenied' }));
    const sqs = running.adopt(new SQSClient(config), (client) => client.destroy());
    await expect(sqs.send(new CreateQueueCommand({ QueueName: 'q' }))).rejects.toMatchObject({
      name: 'AccessDenied',
      Code: 'AccessDenied',
      message: denied.message,
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('writes a refusal of SNS as XML', async () => {
    const config = await clientConfig('sns', () => ({ ...denied, status: 403, code: 'AuthorizationError' }));
    const sns = running.adopt(new SNSClient(config), (client) => client.destroy());
    await expect(sns.send(new PublishCommand({ TopicArn: 'arn:t', Message: 'm' }))).rejects.toMatchObject({
      name: 'AuthorizationErrorException',
      message: denied.message,
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('ends a request with status 500 when a check throws, and does not pass it on', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const config = await clientConfig('dynamodb', () => {
      throw new Error('no rule for ListTables');
    });
    const dynamodb = running.adopt(new DynamoDBClient(config), (client) => client.destroy());
    await expect(dynamodb.send(new ListTablesCommand({}))).rejects.toMatchObject({
      name: 'InternalFailure',
      message: 'Error: no rule for ListTables',
      $metadata: { httpStatusCode: 500 },
    });
    expect(reported).toHaveBeenCalledOnce();
    reported.mockRestore();
  });

  it('hangs up on the service when its caller hangs up', async () => {
    const arrived = Promise.withResolvers<IncomingMessage>();
    const slow = await listen(createServer((incoming) => arrived.resolve(incoming)));
    const front = await startFront({ service: 'sqs', target: slow.endpoint, checks: [] });
    onTestFinished(() => Promise.all([front.close(), slow.close()]).then(() => undefined));
    const hangUp = new AbortController();
    const polled = fetch(front.endpoint, { method: 'POST', body: '{}', signal: hangUp.signal });

    const behind = once((await arrived.promise).socket, 'close');
    hangUp.abort();

    await expect(polled).rejects.toThrow('aborted');
    await behind;
  });

  it('says that a body cannot be read which is no object', async () => {
    const { endpoint } = await clientConfig('dynamodb', () => undefined);
    const headers = { 'x-amz-target': 'DynamoDB_20120810.ListTables' };
    const response = await fetch(endpoint, { method: 'POST', headers, body: '[' });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      __type: expect.stringContaining('#SerializationException'),
    });
  });
});
