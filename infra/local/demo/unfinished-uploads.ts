import { ListMultipartUploadsCommand, ListPartsCommand, type S3Client } from '@aws-sdk/client-s3';

/** A multipart upload that is neither completed nor aborted. */
export interface UnfinishedUpload {
  readonly key: string;
  readonly uploadId: string;
}

/**
 * The unfinished multipart uploads of a bucket that hold a part, the first 1000 by key. One that was created and never
 * recorded, since its process died in between, holds none: it costs nothing, and the bucket's lifecycle rule ends it.
 */
export async function uploadsWithParts(s3: S3Client, bucket: string): Promise<UnfinishedUpload[]> {
  const { Uploads = [] } = await s3.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  const found = await Promise.all(
    Uploads.map(async ({ Key: key = '', UploadId: uploadId = '' }) => {
      const { Parts = [] } = await s3.send(
        new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: uploadId, MaxParts: 1 }),
      );
      return Parts.length > 0 ? [{ key, uploadId }] : [];
    }),
  );
  return found.flat();
}
