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
import { BUCKET, failure, testS3 } from './fixture.ts';

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
