import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import * as v from 'valibot';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  accessDenied,
  type Fault,
  type FaultRequest,
  kmsAccessDenied,
  permanentRedirect,
  slowDown,
} from '../../../../infra/local/aws/s3/faults.ts';
import { type S3Server, startS3 } from '../../../../infra/local/aws/s3/server.ts';
import type { TopicEvent } from '../../../../lambda/shared/events/events.ts';
import { createEventPublisher } from '../../../../lambda/shared/events/publisher.ts';
import { expectOwner } from '../../../../lambda/shared/runtime/bucket-owner.ts';
import { PROBE_PREFIX, type PreflightReport } from '../../../../lambda/shared/runtime/preflight.ts';
import { createBucketClient } from '../../../../lambda/worker/copy/s3-client.ts';
import { runPreflight } from '../../../../lambda/worker/preflight/preflight.ts';
import { startMessaging, type TestMessaging } from '../../../support/messaging.ts';

const BUCKET = 'acme-video';
const OWNER = '111122223333';
const dir = mkdtempSync(join(tmpdir(), 'preflight-'));
const retry = { attempts: 3, firstMs: 1, maxMs: 20 };

let s3: S3Server;
let client: S3Client;
let expected = OWNER;
let messaging: TestMessaging;
beforeAll(async () => {
  messaging = await startMessaging();
  s3 = await startS3({ dir, buckets: [BUCKET], partChecksums: 'always', owner: OWNER });
  client = createBucketClient({
    aws: {
      region: 'us-east-1',
      endpoint: s3.origin,
      credentials: { accessKeyId: 'worker', secretAccessKey: 'secret' },
    },
  });
  expectOwner(client, () => expected);
});
afterAll(async () => {
  client.destroy();
  await s3.close();
  await messaging.close();
  rmSync(dir, { recursive: true });
});
beforeEach(() => {
  s3.setFaults(undefined);
  expected = OWNER;
});

const preflight = (bucket = BUCKET, topicArn = messaging.topicArn) =>
  runPreflight({
    ...{ client, bucket, retry, now: Date.now },
    events: createEventPublisher(messaging.sns, topicArn),
  });

describe('a preflight of a bucket that takes recoveries', () => {
  it('passes every check and leaves nothing behind', async () => {
    const report = await preflight();

    expect(report).toMatchObject({ ok: true, bucket: BUCKET, region: 'us-east-1', leftBehind: [] });
    expect(report.checks.map(({ outcome }) => outcome)).toEqual(report.checks.map(() => 'passed'));
    expect(await contents()).toEqual({ keys: [], uploads: 0 });
  });

  it('creates no object without If-None-Match, which the worker is denied', async () => {
    const conditions: unknown[] = [];
    client.middlewareStack.add(
      (next, { commandName }) =>
        (args) => {
          if (/^PutObject|^CompleteMultipart/.test(commandName ?? ''))
            conditions.push(conditionOf(args.request));
          return next(args);
        },
      { step: 'finalizeRequest', name: 'watch' },
    );
    await preflight();
    client.middlewareStack.remove('watch');
    expect(conditions).toEqual(['*', '*', '*']);
  });

  it('states the owner of the bucket in every call', async () => {
    const owners = new Map<string, unknown>();
    client.middlewareStack.add(
      (next, { commandName = '' }) =>
        (args) => {
          owners.set(commandName, headersOf(args.request)['x-amz-expected-bucket-owner']);
          return next(args);
        },
      { step: 'finalizeRequest', name: 'watch' },
    );
    await preflight();
    client.middlewareStack.remove('watch');
    expect(Object.fromEntries(owners)).toEqual(
      Object.fromEntries(
        [
          ...[
            'PutObject',
            'HeadObject',
            'GetObjectRetention',
            'CreateMultipartUpload',
            'UploadPart',
            'ListParts',
          ],
          ...['CompleteMultipartUpload', 'AbortMultipartUpload', 'DeleteObject'],
        ].map((command) => [`${command}Command`, OWNER]),
      ),
    );
  });

  it('waits out an error that passes', async () => {
    s3.setFaults(({ operation, count }) =>
      operation === 'CreateMultipartUpload' && count % 2 === 1 ? slowDown() : undefined,
    );
    expect(await preflight()).toMatchObject({ ok: true });
  });

  it('touches no object but its own', async () => {
    await client.send(
      new PutObjectCommand({ Bucket: BUCKET, Key: `${PROBE_PREFIX}of-the-customer`, Body: 'kept' }),
    );
    await preflight();
    expect((await contents()).keys).toEqual([`${PROBE_PREFIX}of-the-customer`]);
  });
});

describe('the event of a preflight', () => {
  it('reaches a subscriber, but none whose filter policy names the types of the other events', async () => {
    const [all, filtered] = await Promise.all([
      messaging.subscribe('all'),
      messaging.subscribe('filtered', {
        type: ['primary-failure', { prefix: 'recovery-' }],
      }),
    ]);
    expect(checkOf(await preflight(), 'publish').outcome).toBe('passed');

    const [message, ...others] = await messaging.drain(all);
    const event: TopicEvent = JSON.parse(message?.Body ?? '');
    expect(event).toEqual({
      version: 1,
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      type: 'preflight',
      publishedAt: expect.stringMatching(/Z$/),
    });
    expect(others).toEqual([]);
    expect(await messaging.drain(filtered)).toEqual([]);
  });

  it('fails its check when the topic does not accept it, with the words of SNS', async () => {
    const report = await preflight(BUCKET, `${messaging.topicArn}-of-another`);
    expect(report.ok).toBe(false);
    expect(checkOf(report, 'publish')).toMatchObject({
      errorClass: 'EventRefused',
      message: expect.stringContaining('returned NotFoundException: let the worker role publish'),
      answer: expect.stringContaining('does not exist'),
    });
    expect(checkOf(report, 'create').outcome).toBe('passed');
  });
});

describe('a preflight without a permission', () => {
  it.each([
    ['PutObject', 'create', 's3:PutObject'],
    ['HeadObject', 'read', 's3:GetObject'],
    ['CreateMultipartUpload', 'upload', 's3:PutObject'],
    ['ListParts', 'listParts', 's3:ListMultipartUploadParts'],
    ['AbortMultipartUpload', 'abort', 's3:AbortMultipartUpload'],
  ])('fails the check that needs it when %s is denied', async (operation, name, permission) => {
    refuse(operation, accessDenied(permission, `arn:aws:s3:::${BUCKET}`));
    const report = await preflight();

    expect(report.ok).toBe(false);
    expect(checkOf(report, name)).toMatchObject({
      outcome: 'failed',
      permission,
      errorClass: 'DestinationDenied',
      message: expect.stringContaining(`grant the worker role ${permission}`),
    });
  });

  it("reports S3's own message, which names the policy that denies", async () => {
    refuse('PutObject', accessDenied('s3:PutObject', `arn:aws:s3:::${BUCKET}`));
    expect(checkOf(await preflight(), 'create').answer).toContain(
      'because no identity-based policy allows the s3:PutObject action',
    );
  });

  it('names s3:ListBucket when a free key gets a 403', async () => {
    s3.setFaults(({ operation, key }) =>
      operation === 'HeadObject' && key.endsWith('/free') ? accessDenied('s3:ListBucket', BUCKET) : undefined,
    );
    const report = await preflight();
    expect(checkOf(report, 'miss').message).toContain('s3:ListBucket');
    expect(checkOf(report, 'read').outcome).toBe('passed');
  });

  it('passes without one that no recovery needs, and names what it could not remove', async () => {
    refuse('DeleteObject', accessDenied('s3:DeleteObject', BUCKET));
    const report = await preflight();
    expect(report.ok).toBe(true);
    expect(checkOf(report, 'remove').outcome).toBe('failed');
    expect(report.leftBehind.toSorted()).toEqual(
      (await contents()).keys.filter((key) => !key.endsWith('of-the-customer')),
    );
  });
});

describe('a preflight of a bucket that takes no recoveries', () => {
  it('reports a KMS key that may not be used', async () => {
    refuse('PutObject', kmsAccessDenied());
    expect(checkOf(await preflight(), 'create')).toMatchObject({
      errorClass: 'DestinationKeyDenied',
      message: expect.stringMatching(
        /KMS key arn:aws:kms:us-east-1:111122223333:key\/example cannot be used; set bucketKmsKeyArn to it.*kms:GenerateDataKey/,
      ),
    });
  });

  it('reports a KMS key that may encrypt and not decrypt, and leaves no upload open', async () => {
    const before = (await contents()).uploads;
    refuse('UploadPart', { ...kmsAccessDenied(), message: 'not authorized to perform: kms:Decrypt' });
    const report = await preflight();
    expect(checkOf(report, 'part')).toMatchObject({ errorClass: 'DestinationKeyDenied' });
    expect(checkOf(report, 'complete')).toMatchObject({ outcome: 'skipped' });
    expect((await contents()).uploads).toBe(before);
  });

  it('reports the region', async () => {
    s3.setFaults(() => permanentRedirect(BUCKET, 'eu-west-1'));
    const { message } = checkOf(await preflight(), 'create');
    expect(message).toContain('is in eu-west-1, but the stack is in us-east-1');
  });

  it('names bucketOwner for a bucket of another account', async () => {
    expected = '444455556666';
    const report = await preflight();
    expect(report.ok).toBe(false);
    expect(checkOf(report, 'create')).toMatchObject({
      errorClass: 'DestinationDenied',
      message: expect.stringContaining('set bucketOwner if another account than that of the stack owns'),
    });
  });

  it('reports a bucket that does not exist', async () => {
    const report = await preflight('nobodys-bucket');
    expect(report.ok).toBe(false);
    expect(checkOf(report, 'create')).toMatchObject({ errorClass: 'DestinationBucketMissing' });
    expect(checkOf(report, 'remove')).toMatchObject({ outcome: 'skipped' });
  });
});

function conditionOf(request: unknown): unknown {
  return headersOf(request)['if-none-match'];
}

function headersOf(request: unknown): Record<string, string> {
  return v.parse(v.object({ headers: v.record(v.string(), v.string()) }), request).headers;
}

function refuse(operation: string, fault: Fault): void {
  s3.setFaults((request: FaultRequest) => (request.operation === operation ? fault : undefined));
}

function checkOf(report: PreflightReport, name: string) {
  const found = report.checks.find((check) => check.name === name);
  if (found === undefined) throw new Error(`no check ${name}`);
  return found;
}

async function contents(): Promise<{ keys: string[]; uploads: number }> {
  s3.setFaults(undefined);
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: BUCKET }));
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
  return { keys: Contents.flatMap(({ Key }) => Key ?? []), uploads: Uploads.length };
}
