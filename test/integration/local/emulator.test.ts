import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadBucketCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { PublishCommand } from '@aws-sdk/client-sns';
import { GetQueueAttributesCommand, ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../../infra/local/emulator.ts';
import type { JsonObject } from '../../../infra/local/json.ts';
import { HOUR_MS } from '../../../lambda/shared/runtime/durations.ts';
import {
  type AssemblyFixture,
  assemblyFixture,
  httpApiOf,
  QUEUE_ROLE,
} from './cloudformation/assembly-fixture.ts';
import { eventually } from './eventually.ts';

/** Responds with its input, and writes a log line. */
const ECHO = `
export const handler = async (event, context) => {
  console.log('called', context.functionName);
  return { statusCode: 201, headers: { 'x-seen': 'yes' }, cookies: ['a=1', 'b=2'], body: JSON.stringify({ event, environment: process.env, context }) };
};`;

/** Fails messages that say so; the others are done. */
const TAKE = `
export const handler = async (event) => {
  for (const record of event.Records) console.log('took', record.body, record.attributes.ApproximateReceiveCount);
  return { batchItemFailures: event.Records.filter((r) => r.body.startsWith('fail')).map((r) => ({ itemIdentifier: r.messageId })) };
};`;

let fixture: AssemblyFixture;
let emulator: Emulator;

beforeAll(async () => {
  fixture = await assemblyFixture();
  await fixture.write(await template(fixture));
  emulator = await startEmulator({
    assembly: fixture.directory,
    environment: { take: { EXTRA: 'set here' } },
  });
});

afterAll(async () => {
  await emulator?.close();
  await fixture.remove();
});

describe('the emulator', () => {
  it('creates the queue with its visibility timeout and redrive policy', async () => {
    const { Attributes = {} } = await emulator.clients.sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: output('QueueUrl'), AttributeNames: ['All'] }),
    );
    expect(Attributes.VisibilityTimeout).toBe('60');
    expect(JSON.parse(Attributes.RedrivePolicy ?? '')).toMatchObject({ maxReceiveCount: 2 });
  });

  it('creates the table with its indexes', async () => {
    const { Table } = await emulator.clients.dynamodb.send(
      new DescribeTableCommand({ TableName: output('TableName') }),
    );
    expect(Table?.GlobalSecondaryIndexes?.map((index) => index.IndexName)).toEqual(['by-day']);
  });

  it('creates the bucket for the keys of the stack', async () => {
    const Bucket = output('BucketName');
    await emulator.clients.s3.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'hello' }));
    const read = await emulator.clients.s3.send(new GetObjectCommand({ Bucket, Key: 'a' }));
    expect(await read.Body?.transformToString()).toBe('hello');
  });

  it('generates the secret as the template states', async () => {
    const { SecretString = '' } = await emulator.clients.secretsManager.send(
      new GetSecretValueCommand({ SecretId: output('SecretArn') }),
    );
    expect(JSON.parse(SecretString)).toEqual({
      username: 'zencoder',
      password: expect.stringMatching(/^[a-zA-Z0-9]{24}$/),
    });
  });

  it('sets exactly the variables of the template, of Lambda and of the endpoints for a function', async () => {
    const response = await post('/echo', 'text');
    const { environment } = JSON.parse(response.text);
    expect(environment).toMatchObject({
      QUEUE_URL: output('QueueUrl'),
      TABLE_NAME: output('TableName'),
      AWS_REGION: 'us-east-1',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_ENDPOINT_URL_SQS: emulator.endpoints.sqs,
    });
    expect(environment).not.toHaveProperty('PATH');
  });

  it('passes a request in payload format 2.0 and returns the response', async () => {
    const response = await post('/echo?a=1&a=2', 'text', {
      'content-type': 'text/plain',
      cookie: 'x=1; y=2',
    });
    expect(response.status).toBe(201);
    expect(response.headers.get('x-seen')).toBe('yes');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(JSON.parse(response.text).event).toMatchObject({
      version: '2.0',
      routeKey: 'POST /echo',
      rawPath: '/echo',
      rawQueryString: 'a=1&a=2',
      queryStringParameters: { a: '1,2' },
      cookies: ['x=1', 'y=2'],
      body: 'text',
      isBase64Encoded: false,
    });
  });

  it('keeps the log lines of functions', async () => {
    await post('/echo', 'text');
    await eventually(() =>
      expect(emulator.functions.logs('echo').join('\n')).toContain('called Fixture-Echo-'),
    );
  });

  it('returns 404 without a route', async () => {
    expect(await post('/other', '')).toMatchObject({ status: 404, text: '{"message":"Not Found"}' });
  });

  it('delivers messages to the function and deletes those processed', async () => {
    await send('fine');
    await eventually(() => expect(emulator.functions.logs('take').join('\n')).toContain('took fine 1'));
    await eventually(async () => expect(await depth('QueueUrl')).toEqual([0, 0]));
  });

  it('redelivers a failed message after its visibility timeout, and finally dead-letters it', async () => {
    await send('fail please');
    await eventually(() =>
      expect(emulator.functions.logs('take').join('\n')).toContain('took fail please 1'),
    );
    await eventually(async () => expect(await depth('QueueUrl')).toEqual([0, 1]));
    emulator.clock.advance(61_000);
    await eventually(() =>
      expect(emulator.functions.logs('take').join('\n')).toContain('took fail please 2'),
    );
    await eventually(async () => expect(await depth('QueueUrl')).toEqual([0, 1]));
    emulator.clock.advance(61_000);
    await eventually(async () => expect(await depth('DeadLetterQueueUrl')).toEqual([1, 0]));
  });

  it('shifts the clock of functions', async () => {
    const before = emulator.clock.now();
    emulator.clock.advance(HOUR_MS);
    const result = await emulator.functions.invoke('Time', {});
    expect(result).toBeGreaterThanOrEqual(before + HOUR_MS);
  });

  it('runs a schedule once when it is due, and on request', async () => {
    emulator.clock.advance(300_000);
    await eventually(() => expect(emulator.functions.logs('Time')).toContain('schedule'));
    expect(await emulator.schedules.run('Timer')).toBeTypeOf('number');
  });

  it('passes a schedule the input of the template', async () => {
    const result = await emulator.schedules.run('Hourly');
    expect(JSON.parse(Object.assign({ body: '' }, result).body).event).toEqual({ from: 'schedule' });
  });

  it('delivers messages of a topic to subscribed queues', async () => {
    for (const type of ['lost', 'recovered']) {
      const MessageAttributes = { type: { DataType: 'String', StringValue: type } };
      const TopicArn = output('TopicArn');
      await emulator.clients.sns.send(
        new PublishCommand({ TopicArn, Message: `one ${type}`, MessageAttributes }),
      );
    }
    const { Messages = [] } = await emulator.clients.sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: output('InboxUrl'),
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 5,
      }),
    );
    expect(Messages.map((message) => message.Body)).toEqual(['one recovered']);
  });

  it('denies access to the bucket with other keys', async () => {
    const { S3Client } = await import('@aws-sdk/client-s3');
    const outsider = new S3Client({
      endpoint: emulator.endpoints.s3,
      region: emulator.region,
      credentials: { accessKeyId: 'AKIASTRANGER', secretAccessKey: 'x' },
    });
    await expect(outsider.send(new HeadBucketCommand({ Bucket: output('BucketName') }))).rejects.toThrow();
    await expect(outsider.send(new CreateBucketCommand({ Bucket: 'theirs' }))).rejects.toThrow();
    outsider.destroy();
  });
});

function output(name: string): string {
  return emulator.outputs[name] ?? '';
}

async function post(path: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${emulator.apiOrigin}${path}`, { method: 'POST', body, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

async function send(MessageBody: string): Promise<void> {
  await emulator.clients.sqs.send(new SendMessageCommand({ QueueUrl: output('QueueUrl'), MessageBody }));
}

/** Visible and hidden messages. */
async function depth(queue: string): Promise<number[]> {
  const { Attributes = {} } = await emulator.clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: output(queue), AttributeNames: ['All'] }),
  );
  return [
    Number(Attributes.ApproximateNumberOfMessages),
    Number(Attributes.ApproximateNumberOfMessagesNotVisible),
  ];
}

async function template(files: AssemblyFixture): Promise<JsonObject> {
  const lambda = (code: JsonObject, name: string, variables: JsonObject): JsonObject => ({
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: code,
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Timeout: 10,
      MemorySize: 256,
      Environment: { Variables: { POWERTOOLS_SERVICE_NAME: name, ...variables } },
    },
  });
  const time = "export const handler = async () => { console.log('schedule'); return Date.now(); };";
  return {
    Resources: {
      Role: QUEUE_ROLE,
      Echo: lambda(await files.code(ECHO), 'echo', {
        QUEUE_URL: { Ref: 'Queue' },
        TABLE_NAME: { Ref: 'Table' },
      }),
      Take: lambda(await files.code(TAKE), 'take', {}),
      Time: lambda(await files.code(time), 'Time', {}),
      DeadLetterQueue: { Type: 'AWS::SQS::Queue' },
      Queue: {
        Type: 'AWS::SQS::Queue',
        Properties: {
          VisibilityTimeout: 60,
          RedrivePolicy: {
            deadLetterTargetArn: { 'Fn::GetAtt': ['DeadLetterQueue', 'Arn'] },
            maxReceiveCount: 2,
          },
        },
      },
      Mapping: {
        Type: 'AWS::Lambda::EventSourceMapping',
        Properties: {
          BatchSize: 1,
          EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
          FunctionName: { Ref: 'Take' },
          FunctionResponseTypes: ['ReportBatchItemFailures'],
          ScalingConfig: { MaximumConcurrency: 2 },
        },
      },
      Table: {
        Type: 'AWS::DynamoDB::GlobalTable',
        Properties: {
          BillingMode: 'PAY_PER_REQUEST',
          AttributeDefinitions: ['pk', 'sk', 'day'].map((name) => ({
            AttributeName: name,
            AttributeType: 'S',
          })),
          KeySchema: [
            { AttributeName: 'pk', KeyType: 'HASH' },
            { AttributeName: 'sk', KeyType: 'RANGE' },
          ],
          GlobalSecondaryIndexes: [
            {
              IndexName: 'by-day',
              KeySchema: [{ AttributeName: 'day', KeyType: 'HASH' }],
              Projection: { ProjectionType: 'ALL' },
            },
          ],
          Replicas: [{ Region: { Ref: 'AWS::Region' } }],
        },
      },
      Bucket: { Type: 'AWS::S3::Bucket' },
      Secret: {
        Type: 'AWS::SecretsManager::Secret',
        Properties: {
          GenerateSecretString: {
            ExcludePunctuation: true,
            PasswordLength: 24,
            GenerateStringKey: 'password',
            SecretStringTemplate: '{"username":"zencoder"}',
          },
        },
      },
      ...httpApiOf('Echo', 'POST /echo'),
      Topic: { Type: 'AWS::SNS::Topic' },
      Inbox: { Type: 'AWS::SQS::Queue' },
      InboxSubscription: {
        Type: 'AWS::SNS::Subscription',
        Properties: {
          TopicArn: { Ref: 'Topic' },
          Protocol: 'sqs',
          Endpoint: { 'Fn::GetAtt': ['Inbox', 'Arn'] },
          RawMessageDelivery: true,
          FilterPolicy: { type: ['recovered'] },
        },
      },
      MailSubscription: {
        Type: 'AWS::SNS::Subscription',
        Properties: { TopicArn: { Ref: 'Topic' }, Protocol: 'email', Endpoint: 'someone@example.com' },
      },
      Hourly: {
        Type: 'AWS::Scheduler::Schedule',
        Properties: {
          ScheduleExpression: 'rate(1 hour)',
          FlexibleTimeWindow: { Mode: 'OFF' },
          Target: {
            Arn: { 'Fn::GetAtt': ['Echo', 'Arn'] },
            RoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] },
            Input: '{"from":"schedule"}',
          },
        },
      },
      Timer: {
        Type: 'AWS::Events::Rule',
        Properties: {
          ScheduleExpression: 'rate(5 minutes)',
          State: 'ENABLED',
          Targets: [{ Arn: { 'Fn::GetAtt': ['Time', 'Arn'] }, Id: 'Target0' }],
        },
      },
    },
    Outputs: {
      QueueUrl: { Value: { Ref: 'Queue' } },
      DeadLetterQueueUrl: { Value: { Ref: 'DeadLetterQueue' } },
      TableName: { Value: { Ref: 'Table' } },
      BucketName: { Value: { Ref: 'Bucket' } },
      TopicArn: { Value: { Ref: 'Topic' } },
      InboxUrl: { Value: { Ref: 'Inbox' } },
      SecretArn: { Value: { Ref: 'Secret' } },
    },
  };
}
