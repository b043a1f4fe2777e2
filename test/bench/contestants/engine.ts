import { createCopyEngine } from '../../../lambda/worker/copy/engine.ts';
import { MiB } from '../../../lambda/worker/copy/plan.ts';
import { createBucketClient } from '../../../lambda/worker/copy/s3-client.ts';
import { CREDENTIALS, eachFile, keyOf, sourceUrl, type Task } from './task.ts';

/** The engine of this project as the worker uses it. */
export async function run(task: Task): Promise<void> {
  const client = createBucketClient({
    aws: { region: 'us-east-1', endpoint: task.sink, forcePathStyle: true, credentials: CREDENTIALS },
  });
  const engine = createCopyEngine({
    client,
    bucket: task.bucket,
    bufferBytes: 128 * MiB,
    segmentBytes: Number.MAX_SAFE_INTEGER,
  });
  await eachFile(task, async (file) => {
    const job = {
      url: sourceUrl(task, file),
      key: keyOf(file),
      filename: `${file}.mp4`,
      metadata: {
        'zencoder-job': '1',
        'zencoder-output': '2',
        'zencoder-role': 'media',
        'zencoder-file': 'a',
      },
      expectedSize: task.size,
      expectedMd5: null,
    };
    const started = await engine.start(job);
    if (started.kind !== 'planned') return;
    await engine.copySegment(job, started.plan, 0);
    const completed = await engine.complete(job, started.plan);
    if (completed.kind !== 'copied') throw new Error('parts are missing');
  });
  engine.close();
  client.destroy();
}
