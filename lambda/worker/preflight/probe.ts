import { randomUUID } from 'node:crypto';
import { DeleteObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { PROBE_PREFIX } from '../../shared/runtime/preflight.ts';
import { Bucket } from '../copy/bucket.ts';
import type { ObjectHead } from '../copy/bucket-contents.ts';
import { translateBucketError } from '../copy/bucket-errors.ts';
import { crc32Of } from '../copy/checksums.ts';
import { DEFAULT_RETRY_POLICY, retryPassing } from '../copy/retry.ts';

/** Content of a probe object. */
export const BODY = Buffer.from('A probe of the Zencoder recovery stack; it may be deleted.\n');

export function headOf(key: string): ObjectHead {
  return { key, contentType: 'text/plain', metadata: { 'zencoder-recovery': 'preflight' } };
}

const retry = { policy: DEFAULT_RETRY_POLICY, random: Math.random };

/** Puts a probe object that stays until {@link removeProbe}. @throws the errors of `copy/errors.ts`. */
export async function keepProbe(client: S3Client, bucket: string): Promise<{ key: string }> {
  const key = `${PROBE_PREFIX}${randomUUID()}/download`;
  await new Bucket(client, bucket, retry).put(headOf(key), BODY, crc32Of(BODY));
  return { key };
}

/** Removes it. @throws the errors of `copy/errors.ts`. */
export async function removeProbe(client: S3Client, bucket: string, key: string): Promise<void> {
  const region = await client.config.region();
  await retryPassing(retry, () => removeObject(client, { bucket, region, key }));
}

interface Removal {
  readonly bucket: string;
  readonly region: string;
  readonly key: string;
}

/**
 * Deletes a probe object; where the bucket keeps versions, the version itself, so that nothing of it stays. Apart from
 * the copy engine's `Bucket`, which cannot delete.
 *
 * @throws the errors of `copy/errors.ts`.
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
