import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  HeadBucketCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { describe, expect, it } from 'vitest';
import { presignV4 } from '../../../../../infra/local/aws/s3/presign.ts';
import { BUCKET, failure, KEYS, testS3 } from './fixture.ts';

describe('a bucket of the local S3', () => {
  it('is created once, found, and deleted when it is empty', async () => {
    await using s3 = await testS3();
    const Bucket = 'new-one';
    await expect(s3.client.send(new HeadBucketCommand({ Bucket }))).rejects.toEqual(failure('NotFound', 404));
    await s3.client.send(new CreateBucketCommand({ Bucket }));
    expect(await s3.client.send(new HeadBucketCommand({ Bucket }))).toMatchObject({
      BucketRegion: 'us-east-1',
    });
    await expect(s3.client.send(new CreateBucketCommand({ Bucket }))).rejects.toEqual(
      failure('BucketAlreadyOwnedByYou', 409),
    );
    await s3.client.send(new PutObjectCommand({ Bucket, Key: 'x', Body: new Uint8Array() }));
    await expect(s3.client.send(new DeleteBucketCommand({ Bucket }))).rejects.toEqual(
      failure('BucketNotEmpty', 409),
    );
    await s3.client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key: 'x' }] } }));
    await s3.client.send(new DeleteBucketCommand({ Bucket }));
    await expect(s3.client.send(new HeadBucketCommand({ Bucket }))).rejects.toEqual(failure('NotFound', 404));
  });

  it('cannot have a name that S3 rejects', async () => {
    await using s3 = await testS3();
    for (const Bucket of ['Upper-Case', 'a_b', 'a..b']) {
      await expect(s3.client.send(new CreateBucketCommand({ Bucket }))).rejects.toEqual(
        failure('InvalidBucketName', 400),
      );
    }
  });

  it('lists its keys by prefix, folder by folder and page by page', async () => {
    await using s3 = await testS3();
    const keys = ['a&b <1>.txt', 'jobs/1/media/a.mp4', 'jobs/1/thumbs/b.png', 'jobs/2/media/ü.mp4', 'z'];
    for (const Key of keys) await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: Key }));
    const list = (more: object) => s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET, ...more }));

    const all = await list({});
    expect(all.Contents?.map(({ Key }) => Key)).toEqual(keys);
    expect(all.Contents?.[0]).toMatchObject({ Size: keys[0]?.length, StorageClass: 'STANDARD' });
    expect(all).toMatchObject({ KeyCount: 5, IsTruncated: false });

    const folders = await list({ Prefix: 'jobs/', Delimiter: '/' });
    expect(folders.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['jobs/1/', 'jobs/2/']);
    expect(folders.Contents).toBeUndefined();

    const page = await list({ MaxKeys: 2 });
    const rest = await list({ ContinuationToken: page.NextContinuationToken });
    expect(page.IsTruncated).toBe(true);
    expect([...(page.Contents ?? []), ...(rest.Contents ?? [])].map(({ Key }) => Key)).toEqual(keys);
    expect((await list({ StartAfter: 'jobs/2/media/ü.mp4' })).Contents?.map(({ Key }) => Key)).toEqual(['z']);
    expect((await list({ EncodingType: 'url', MaxKeys: 1 })).Contents?.[0]?.Key).toBe('a%26b%20%3C1%3E.txt');
  });

  it('deletes many objects in one call, whether they exist or not', async () => {
    await using s3 = await testS3();
    await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'a&b', Body: 'x' }));
    const Objects = [{ Key: 'a&b' }, { Key: 'never' }];
    const { Deleted } = await s3.client.send(
      new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects } }),
    );
    expect(Deleted).toEqual(Objects);
    expect((await s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET }))).KeyCount).toBe(0);
    const quiet = await s3.client.send(
      new DeleteObjectsCommand({ Bucket: BUCKET, Delete: { Objects, Quiet: true } }),
    );
    expect(quiet.Deleted).toBeUndefined();
  });

  it('rejects operations that this server does not implement', async () => {
    await using s3 = await testS3();
    const versioning = new PutBucketVersioningCommand({
      Bucket: BUCKET,
      VersioningConfiguration: { Status: 'Enabled' },
    });
    await expect(s3.client.send(versioning)).rejects.toEqual(failure('NotImplemented', 501));
  });
});

describe('the owner of a bucket of the local S3', () => {
  const owned = { owner: '111122223333' };

  it('may be stated in a call, and any other is refused with 403', async () => {
    await using s3 = await testS3(owned);
    const call = (ExpectedBucketOwner: string) =>
      s3.client.send(new ListObjectsV2Command({ Bucket: BUCKET, ExpectedBucketOwner }));
    await expect(call('111122223333')).resolves.toMatchObject({ KeyCount: 0 });
    await expect(call('444455556666')).rejects.toEqual(failure('AccessDenied', 403));
    await expect(call('an-access-key')).rejects.toEqual(failure('InvalidBucketOwnerAWSAccountID', 400));
    await expect(
      s3.client.send(new DeleteBucketCommand({ Bucket: BUCKET, ExpectedBucketOwner: '444455556666' })),
    ).rejects.toEqual(failure('AccessDenied', 403));
  });

  it.each([
    ['x-amz-expected-bucket-owner=111122223333', 200],
    ['x-amz-expected-bucket-owner=444455556666', 403],
    ['X-Amz-Expected-Bucket-Owner=111122223333', 400],
  ])('is known in a presigned URL in lower case only: %s', async (query, status) => {
    await using s3 = await testS3(owned);
    await s3.client.send(new PutObjectCommand({ Bucket: BUCKET, Key: 'x', Body: 'x' }));
    const url = `${s3.url('x')}?${query}`;
    const signed = presignV4({ ...KEYS, region: 'us-east-1', method: 'GET', url, expiresIn: 60 });
    expect((await fetch(signed)).status).toBe(status);
  });
});
