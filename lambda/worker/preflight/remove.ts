import { DeleteObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { translateBucketError } from '../copy/bucket-errors.ts';

export interface Removal {
  readonly bucket: string;
  readonly region: string;
  readonly key: string;
}

/**
 * Deletes a probe object; where the bucket keeps versions, the version itself, so that nothing of it stays. Apart from
 * the copy engine's `Bucket`, which cannot delete.
 *
 * @throws the RecoveryErrors of `destination-errors.ts`.
 */
export async function removeObject(client: S3Client, { bucket, region, key }: Removal): Promise<void> {
  const address = { Bucket: bucket, Key: key };
  try {
    const VersionId = await versionOf(client, address);
    await client.send(new DeleteObjectCommand({ ...address, ...(VersionId !== undefined && { VersionId }) }));
  } catch (error) {
    throw translateBucketError(error, {
      bucket,
      region,
      permission: 's3:DeleteObject and s3:DeleteObjectVersion',
    });
  }
}

async function versionOf(
  client: S3Client,
  address: { readonly Bucket: string; readonly Key: string },
): Promise<string | undefined> {
  try {
    return (await client.send(new HeadObjectCommand(address))).VersionId;
  } catch {
    // Without it a marker is put over the object, which hides it at least.
    return undefined;
  }
}
