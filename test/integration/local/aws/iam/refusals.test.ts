import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { PublishCommand, SNSClient } from '@aws-sdk/client-sns';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFront } from '../../../../../infra/local/aws/front.ts';
import type { Caller } from '../../../../../infra/local/aws/iam/evaluate.ts';
import { createGate } from '../../../../../infra/local/aws/iam/gate.ts';
import { parseIdentityPolicy } from '../../../../../infra/local/aws/iam/policy.ts';
import { accessCheck } from '../../../../../infra/local/aws/iam/service-check.ts';
import { startLambdaApi } from '../../../../../infra/local/aws/lambda/invoke-api.ts';
import { freePort } from '../../../../../infra/local/aws/listen.ts';
import { startS3 } from '../../../../../infra/local/aws/s3/server.ts';
import { startSecretsManager } from '../../../../../infra/local/aws/secrets-manager.ts';
import type { FrontedService } from '../../../../../infra/local/aws/service-request.ts';

const ACCOUNT = '000000000000';
const PLACE = { region: 'us-east-1', accountId: ACCOUNT, partitionKey: 'pk' };
const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/worker/function`;
const SECRET = `arn:aws:secretsmanager:us-east-1:${ACCOUNT}:secret:key-Ab12Cd`;

function callerWith(...Statement: object[]): Caller {
  const policies = [parseIdentityPolicy({ Version: '2012-10-17', Statement }, 'role')];
  const names = [SESSION, `arn:aws:iam::${ACCOUNT}:role/worker`];
  return { arn: SESSION, names, accountId: ACCOUNT, isRoot: false, policies };
}

const KEY = 'arn:aws:kms:us-east-1:111122223333:key/1';
const allOfS3 = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
const withKey = (Action: string) => callerWith(allOfS3, { Effect: 'Allow', Action, Resource: KEY });

/**
 * By access key: one may write logs only, one may read objects and not list their bucket, and three may do all with objects:
 * one nothing with the KMS key, one encrypt by it, one decrypt by it.
 */
const callers = new Map([
  ['NOTHING', callerWith({ Effect: 'Allow', Action: 'logs:PutLogEvents', Resource: '*' })],
  ['READER', callerWith({ Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::movies/*' })],
  ['KEYLESS', callerWith(allOfS3)],
  ['ENCRYPTER', withKey('kms:GenerateDataKey')],
  ['DECRYPTER', withKey('kms:Decrypt')],
]);
const gate = createGate({ callers, resources: new Map(), accountId: ACCOUNT });
const running = new AsyncDisposableStack();
const endpoints = { s3: '', secretsManager: '', lambda: '', sqs: '', sns: '', dynamodb: '' };

beforeAll(async () => {
  const keep = async <Server extends { close(): Promise<void> }>(starting: Promise<Server>) =>
    running.adopt(await starting, (server) => server.close());
  const dir = await mkdtemp(join(tmpdir(), 'refusals-'));
  running.defer(() => rm(dir, { recursive: true, force: true }));
  endpoints.s3 = (await keep(startS3({ dir, buckets: ['movies'], gate }))).origin;
  const secrets = [{ arn: SECRET, value: 'secret' }];
  endpoints.secretsManager = (await keep(startSecretsManager({ now: Date.now, gate, secrets }))).endpoint;
  const access = { gate, functionArns: `arn:aws:lambda:us-east-1:${ACCOUNT}:function:` };
  endpoints.lambda = (await keep(startLambdaApi(new Map(), undefined, access))).endpoint;
  // Nothing is behind the fronts: what they let through fails with another error.
  const target = `http://127.0.0.1:${await freePort()}`;
  const front = async (service: FrontedService) =>
    (await keep(startFront({ service, target, checks: [accessCheck(service, gate, PLACE)] }))).endpoint;
  for (const service of ['sqs', 'sns', 'dynamodb'] as const) endpoints[service] = await front(service);
});
afterAll(() => running.disposeAsync());

function config(service: keyof typeof endpoints, accessKeyId: string) {
  const credentials = { accessKeyId, secretAccessKey: 'secret' };
  return { endpoint: endpoints[service], region: 'us-east-1', credentials, maxAttempts: 1 };
}

/** Calls each service once. */
const CALLS = {
  s3: (key: string) =>
    new S3Client(config('s3', key)).send(new PutObjectCommand({ Bucket: 'movies', Key: 'a', Body: 'x' })),
  secretsManager: (key: string) =>
    new SecretsManagerClient(config('secretsManager', key)).send(
      new GetSecretValueCommand({ SecretId: SECRET }),
    ),
  lambda: (key: string) =>
    new LambdaClient(config('lambda', key)).send(new InvokeCommand({ FunctionName: 'worker' })),
  sqs: (key: string) =>
    new SQSClient(config('sqs', key)).send(
      new SendMessageCommand({ QueueUrl: `${endpoints.sqs}/${ACCOUNT}/recoveries`, MessageBody: 'x' }),
    ),
  sns: (key: string) =>
    new SNSClient(config('sns', key)).send(
      new PublishCommand({ TopicArn: `arn:aws:sns:us-east-1:${ACCOUNT}:events`, Message: 'x' }),
    ),
  dynamodb: (key: string) =>
    new DynamoDBClient(config('dynamodb', key)).send(
      new GetItemCommand({ TableName: 'ledger', Key: { pk: { S: 'JOB#1' } } }),
    ),
};

const because = (action: string, resource: string) =>
  `User: ${SESSION} is not authorized to perform: ${action} on resource: ${resource} ` +
  `because no identity-based policy allows the ${action} action`;

describe('a call without permission', () => {
  it.each([
    ['s3', 'AccessDenied', 403, because('s3:PutObject', '"arn:aws:s3:::movies/a"')],
    ['secretsManager', 'AccessDeniedException', 400, because('secretsmanager:GetSecretValue', SECRET)],
    [
      'lambda',
      'AccessDeniedException',
      403,
      because('lambda:InvokeFunction', `arn:aws:lambda:us-east-1:${ACCOUNT}:function:worker`),
    ],
    ['sqs', 'AccessDenied', 403, because('sqs:sendmessage', `arn:aws:sqs:us-east-1:${ACCOUNT}:recoveries`)],
    [
      'sns',
      'AuthorizationErrorException',
      403,
      because('SNS:Publish', `arn:aws:sns:us-east-1:${ACCOUNT}:events`),
    ],
    [
      'dynamodb',
      'AccessDeniedException',
      400,
      because('dynamodb:GetItem', `arn:aws:dynamodb:us-east-1:${ACCOUNT}:table/ledger`),
    ],
  ] as const)('of %s is refused with %s, status %i', async (service, name, httpStatusCode, message) => {
    await expect(CALLS[service]('NOTHING')).rejects.toMatchObject({
      name,
      message,
      $metadata: { httpStatusCode },
    });
  });

  it.each([
    ['s3', 'InvalidAccessKeyId'],
    ['secretsManager', 'UnrecognizedClientException'],
    ['lambda', 'UnrecognizedClientException'],
    ['sqs', 'InvalidClientTokenId'],
    ['sns', 'InvalidClientTokenId'],
    ['dynamodb', 'UnrecognizedClientException'],
  ] as const)('of %s by a key that is not known is refused with %s', async (service, name) => {
    await expect(CALLS[service]('UNKNOWN')).rejects.toMatchObject({ name });
  });
});

describe('an object that is not there', () => {
  it('is refused with 403 to a caller that may not list the bucket', async () => {
    const s3 = new S3Client(config('s3', 'READER'));
    const missing = { Bucket: 'movies', Key: 'missing' };
    await expect(s3.send(new GetObjectCommand(missing))).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(s3.send(new HeadObjectCommand(missing))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('is reported with 404 to a caller that may', async () => {
    const s3 = new S3Client(config('s3', 'LISTER'));
    callers.set(
      'LISTER',
      callerWith({ Effect: 'Allow', Action: ['s3:GetObject', 's3:ListBucket'], Resource: '*' }),
    );
    await expect(s3.send(new HeadObjectCommand({ Bucket: 'movies', Key: 'missing' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 404 },
    });
  });
});

describe('a call about what S3 encrypts by a KMS key', () => {
  const Bucket = 'movies';
  const byKey = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: KEY } as const;
  const clientOf = (key: string) => new S3Client(config('s3', key));
  const refused = (action: string) => ({
    name: 'AccessDenied',
    message: because(action, KEY),
    $metadata: { httpStatusCode: 403 },
  });

  it('is refused to a caller without kms:GenerateDataKey when it creates an object or an upload', async () => {
    for (const key of ['KEYLESS', 'DECRYPTER']) {
      const s3 = clientOf(key);
      await expect(
        s3.send(new PutObjectCommand({ Bucket, Key: 'new', Body: 'x', ...byKey })),
      ).rejects.toMatchObject(refused('kms:GenerateDataKey'));
      await expect(
        s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'new', ...byKey })),
      ).rejects.toMatchObject(refused('kms:GenerateDataKey'));
      await expect(s3.send(new PutObjectCommand({ Bucket, Key: 'plain', Body: 'x' }))).resolves.toBeDefined();
    }
  });

  it('is refused to a caller without kms:Decrypt when it adds to an upload', async () => {
    const created = await clientOf('ENCRYPTER').send(
      new CreateMultipartUploadCommand({ Bucket, Key: 'large', ...byKey }),
    );
    const upload = { Bucket, Key: 'large', UploadId: created.UploadId };
    const part = new UploadPartCommand({ ...upload, PartNumber: 1, Body: 'x' });
    await expect(clientOf('ENCRYPTER').send(part)).rejects.toMatchObject(refused('kms:Decrypt'));

    const { ETag } = await clientOf('DECRYPTER').send(part);
    const complete = new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: { Parts: [{ PartNumber: 1, ETag }] },
    });
    await expect(clientOf('ENCRYPTER').send(complete)).rejects.toMatchObject(refused('kms:Decrypt'));
    await expect(clientOf('DECRYPTER').send(complete)).resolves.toMatchObject({ SSEKMSKeyId: KEY });
  });

  it('is refused to a caller without kms:Decrypt when it reads an object or its checksum', async () => {
    const object = { Bucket, Key: 'small' };
    await clientOf('ENCRYPTER').send(new PutObjectCommand({ ...object, Body: 'x', ...byKey }));
    const get = new GetObjectCommand(object);
    const head = new HeadObjectCommand({ ...object, ChecksumMode: 'ENABLED' });
    await expect(clientOf('ENCRYPTER').send(get)).rejects.toMatchObject(refused('kms:Decrypt'));
    await expect(clientOf('ENCRYPTER').send(head)).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
    await expect(clientOf('ENCRYPTER').send(new HeadObjectCommand(object))).resolves.toMatchObject({
      SSEKMSKeyId: KEY,
    });

    await expect(clientOf('DECRYPTER').send(get)).resolves.toMatchObject({ ContentLength: 1 });
    await expect(clientOf('DECRYPTER').send(head)).resolves.toMatchObject({ SSEKMSKeyId: KEY });
  });
});
