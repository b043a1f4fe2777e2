import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { HeadObjectCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startS3 } from '../../../../infra/local/aws/s3/server.ts';
import { createCopyEngine } from '../../../../lambda/worker/copy/engine.ts';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import { createBucketClient } from '../../../../lambda/worker/copy/s3-client.ts';
import type { CopyPlan } from '../../../../lambda/worker/copy/types.ts';
import { startServer } from '../../../bench/harness.ts';
import { RING_BYTES, ringBytes } from '../../../bench/ring.ts';
import type { SegmentReport, SegmentTask } from '../../../support/segment-process.ts';

/** `COPY_MIB=20480 npx vitest …` copies 20 GiB. */
const SIZE = Number(process.env.COPY_MIB ?? 512) * MiB + 4321;
const SEGMENTS = 6;
const PROCESSES = 4;
const KILLS = 3;
const BUCKET = 'acme-video';

function base64Crc(size: number): string {
  const ring = ringBytes();
  let checksum = 0;
  for (let offset = 0; offset < size; offset += RING_BYTES) {
    checksum = crc32(ring.subarray(0, Math.min(RING_BYTES, size - offset)), checksum);
  }
  const four = Buffer.alloc(4);
  four.writeUInt32BE(checksum);
  return four.toString('base64');
}

/** Runs segments in processes, four at a time; a killed one's segment comes back, as its message would. */
class Processes {
  readonly #task: Omit<SegmentTask, 'segment'>;
  readonly #queue: number[];
  #killsLeft = KILLS;
  readonly killed: number[] = [];
  readonly outcomes: string[] = [];

  constructor(task: Omit<SegmentTask, 'segment'>, segments: number) {
    this.#task = task;
    this.#queue = Array.from({ length: segments }, (_, segment) => segment);
  }

  async run(): Promise<void> {
    const lane = async () => {
      for (let segment = this.#queue.shift(); segment !== undefined; segment = this.#queue.shift()) {
        await this.#invoke(segment);
      }
    };
    while (this.#queue.length > 0) await Promise.all(Array.from({ length: PROCESSES }, lane));
  }

  async #invoke(segment: number): Promise<void> {
    const script = new URL('../../../support/segment-process.ts', import.meta.url);
    const child = fork(script, [JSON.stringify({ ...this.#task, segment })], { execArgv: [] });
    const isDoomed = this.#killsLeft > 0;
    if (isDoomed) this.#killsLeft--;
    const dieAt = Math.random() * this.#task.plan.segmentParts * this.#task.plan.partBytes * 0.6;
    child.on('message', (report: SegmentReport) => {
      if (report.kind !== 'progress') this.outcomes.push(report.kind);
      else if (isDoomed && report.bytesDone >= dieAt) this.#kill(child, segment);
    });
    await once(child, 'exit');
    const isUnfinished = child.signalCode !== null || child.exitCode !== 0;
    if (isUnfinished) this.#queue.push(segment);
  }

  #kill(child: ChildProcess, segment: number): void {
    if (child.killed) return;
    this.killed.push(segment);
    child.kill('SIGKILL');
  }
}

describe('the segments of a file', () => {
  it('survive the kill of three of four processes, at the cost of the parts in flight', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'copy-segments-'));
    const source = await startServer('source', 0);
    const s3 = await startS3({
      dir,
      buckets: [BUCKET],
      keepBodies: false,
      etags: 'opaque',
      partChecksums: 'always',
    });
    const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
    const client = createBucketClient({ aws: { region: 'us-east-1', endpoint: s3.origin, credentials } });
    const engine = createCopyEngine({
      client,
      bucket: BUCKET,
      bufferBytes: 64 * MiB,
      segmentBytes: Math.ceil(SIZE / (SEGMENTS - 1)),
      ...(SIZE < 1024 * MiB ? { partBytes: 5 * MiB } : {}),
      tls: { ca: readFileSync(new URL('../../../fixtures/tls/cert.pem', import.meta.url)) },
    });
    onTestFinished(async () => {
      source.close();
      engine.close();
      client.destroy();
      await s3.close();
      rmSync(dir, { recursive: true, force: true });
    });
    const job = {
      url: `${source.origin}/f${SIZE}?Signature=x`,
      key: 'large.mp4',
      filename: 'large.mp4',
      metadata: { 'zencoder-job': '1', 'zencoder-file': 'a' },
      expectedSize: SIZE,
      expectedMd5: null,
    };
    const started = await engine.start(job);
    if (started.kind !== 'planned') throw new Error('expected a plan');
    const plan: CopyPlan = started.plan;

    const processes = new Processes({ endpoint: s3.origin, bucket: BUCKET, job, plan }, plan.segments);
    await processes.run();

    const object = await client.send(
      new HeadObjectCommand({ Bucket: BUCKET, Key: job.key, ChecksumMode: 'ENABLED' }),
    );
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    expect(plan.segments).toBeGreaterThanOrEqual(PROCESSES);
    expect(processes.killed.length).toBe(KILLS);
    expect(processes.outcomes).toContain('copied');
    expect(object.ContentLength).toBe(SIZE);
    expect(object.ChecksumCRC32).toBe(base64Crc(SIZE));
    expect(uploads.Uploads ?? []).toEqual([]);
    const concurrency = Math.min(12, Math.floor((64 * MiB) / plan.partBytes));
    const asked = (await source.stats()).bytes;
    // The first part is asked for once by the plan's own process and once by the process that copies segment 0.
    expect(asked).toBeLessThanOrEqual(SIZE + plan.partBytes + KILLS * concurrency * plan.partBytes);
    console.log(
      `${SIZE} bytes in ${plan.parts} parts and ${plan.segments} segments; asked the source for ${asked}`,
    );
  }, 1_200_000);
});
