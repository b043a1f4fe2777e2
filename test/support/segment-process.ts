import { readFileSync } from 'node:fs';
import { createCopyEngine } from '../../lambda/worker/copy/engine.ts';
import { MiB } from '../../lambda/worker/copy/plan.ts';
import { createBucketClient } from '../../lambda/worker/copy/s3-client.ts';
import type { CopyJob, CopyPlan } from '../../lambda/worker/copy/types.ts';

/**
 * One invocation as a process of its own, so that it can be killed for real: copies a segment, then tries to complete.
 * Reports to its parent the bytes done after each part, and at last its outcome.
 */

export interface SegmentTask {
  readonly endpoint: string;
  readonly bucket: string;
  readonly job: CopyJob;
  readonly plan: CopyPlan;
  readonly segment: number;
}

export type SegmentReport =
  | { readonly kind: 'progress'; readonly bytesDone: number }
  | { readonly kind: 'copied' | 'incomplete' | 'out-of-time' };

function send(report: SegmentReport): void {
  process.send?.(report);
}

async function work(task: SegmentTask): Promise<void> {
  const client = createBucketClient({
    aws: {
      region: 'us-east-1',
      endpoint: task.endpoint,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    },
  });
  const engine = createCopyEngine({
    client,
    bucket: task.bucket,
    bufferBytes: 64 * MiB,
    segmentBytes: MiB,
    tls: { ca: readFileSync(new URL('../fixtures/tls/cert.pem', import.meta.url)) },
  });
  const { job, plan, segment } = task;
  const outcome = await engine.copySegment(job, plan, segment, {
    onProgress: (bytesDone) => send({ kind: 'progress', bytesDone }),
  });
  send({ kind: outcome.kind === 'done' ? (await engine.complete(job, plan)).kind : outcome.kind });
  process.disconnect();
  engine.close();
  client.destroy();
}

const task: SegmentTask = JSON.parse(process.argv[2] ?? '');
await work(task);
