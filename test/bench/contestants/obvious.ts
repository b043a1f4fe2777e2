import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { CREDENTIALS, eachFile, keyOf, sourceUrl, type Task } from './task.ts';

/** What a team would write in an afternoon: `fetch` into lib-storage's `Upload`, all by default. */
export async function run(task: Task): Promise<void> {
  const client = new S3Client({
    region: 'us-east-1',
    endpoint: task.sink,
    forcePathStyle: true,
    credentials: CREDENTIALS,
  });
  await eachFile(task, async (file) => {
    const response = await fetch(sourceUrl(task, file));
    if (!response.ok || response.body === null) throw new Error(`the source returned ${response.status}`);
    const body = Readable.fromWeb(response.body as ReadableStream);
    const params = { Bucket: task.bucket, Key: keyOf(file), Body: body, ContentType: 'video/mp4' };
    await new Upload({ client, params }).done();
  });
  client.destroy();
}
