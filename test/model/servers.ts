import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Client } from '@aws-sdk/client-s3';
import { type Fault, slowDown } from '../../infra/local/aws/s3/faults.ts';
import { type S3Server, startS3 } from '../../infra/local/aws/s3/server.ts';
import { createCopyEngine } from '../../lambda/worker/copy/engine.ts';
import { createBucketClient } from '../../lambda/worker/copy/s3-client.ts';
import { HttpSource } from '../../lambda/worker/copy/source.ts';
import type { CopyEngine } from '../../lambda/worker/copy/types.ts';
import { startLedger, type TestLedger } from '../support/ledger-table.ts';
import {
  type SourceFault,
  type SourceRequest,
  type SourceServer,
  startSource,
} from '../support/source-server.ts';
import { PART_BYTES, THUMBNAIL_BYTES } from './scenario.ts';
import type { Fate, Scheduler } from './scheduler.ts';

export const BUCKET = 'acme-recovered';

/** How the current run controls the servers; runs share them, one at a time. */
export interface RunHooks {
  readonly scheduler: Scheduler;
  /** The fault of Zencoder's storage for a request. */
  readonly sourceFault: (request: SourceRequest) => SourceFault | undefined;
  /** The fault of the bucket during an outage. */
  readonly bucketFault: (operation: string) => Fault | undefined;
  /** True while DynamoDB refuses everything. */
  readonly tableRefuses: () => boolean;
  /** A write to the table was made. */
  readonly onTableWrite: () => void;
}

/** The real servers around the model: DynamoDB, the customer's S3, Zencoder's storage. */
export interface ModelServers {
  readonly ledger: TestLedger;
  readonly client: S3Client;
  readonly s3: S3Server;
  readonly media: SourceServer;
  readonly thumbnails: SourceServer;
  /** Gives a run control. */
  use(hooks: RunHooks, mediaBytes: number): void;
  /** The copy engine of a new process. */
  engine(now: () => number): CopyEngine;
  close(): Promise<void>;
}

const WRITES = /^(?:Put|Update|Delete|TransactWrite)Item/;
const S3_WRITES = /^(?:PutObject|CreateMultipartUpload|UploadPart|CompleteMultipartUpload|Abort)/;

export async function startServers(): Promise<ModelServers> {
  const dir = await mkdtemp(join(tmpdir(), 'model-'));
  let hooks: RunHooks | undefined;
  const sourceFault = (request: SourceRequest) => hooks?.sourceFault(request);
  const [ledger, s3, media, thumbnails] = await Promise.all([
    startLedger(),
    startS3({ dir, buckets: [BUCKET], keepBodies: false, etags: 'opaque', partChecksums: 'always' }),
    startSource({ file: { size: PART_BYTES, etag: '"media"' }, fault: sourceFault }),
    startSource({ file: { size: THUMBNAIL_BYTES, etag: '"thumbnail"' }, fault: sourceFault }),
  ]);
  const client = createBucketClient({
    aws: {
      region: 'us-east-1',
      endpoint: s3.origin,
      credentials: { accessKeyId: 'model', secretAccessKey: 'model' },
    },
  });
  const scheduled = <T>(
    label: string,
    fates: readonly Fate[],
    act: () => Promise<T>,
    refusal: () => Promise<T>,
  ) =>
    hooks === undefined ? act() : hooks.scheduler.call({ label, fates, act, refusal, loss: connectionReset });
  let nextFault: Fault | undefined;
  s3.setFaults(() => {
    const fault = nextFault;
    nextFault = undefined;
    return fault;
  });
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const send = (fault: Fault | undefined) => {
          nextFault = fault;
          return next(args);
        };
        const fates: Fate[] = S3_WRITES.test(commandName) ? ['refused', 'response-lost'] : ['refused'];
        return await scheduled(
          `${commandName.replace(/Command$/, '')} ${partOf(args.input)}`,
          fates,
          () => send(hooks?.scheduler.isInProcess ? hooks.bucketFault(commandName) : undefined),
          () => send(slowDown()),
        );
      },
    { step: 'initialize', name: 'model' },
  );
  ledger.client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        const isWrite = WRITES.test(commandName);
        const act = async () => {
          if (hooks?.scheduler.isInProcess && hooks.tableRefuses()) throw new Error('the table refuses');
          const output = await next(args);
          if (isWrite) hooks?.onTableWrite();
          return output;
        };
        const fates: Fate[] = isWrite ? ['refused', 'response-lost', 'repeated'] : ['refused'];
        const label = `${commandName.replace(/Command$/, '')} ${itemsOf(args.input)}`;
        return await scheduled(label, fates, act, () => Promise.reject(new Error('the table refuses')));
      },
    { step: 'initialize', name: 'model' },
  );
  const source = new HttpSource({ connections: 32 });
  return {
    ledger,
    client,
    s3,
    media,
    thumbnails,
    use: (next, mediaBytes) => {
      hooks = next;
      media.setFile({ size: mediaBytes, etag: '"media"' });
    },
    engine: (now) =>
      createCopyEngine({
        ...{ client, bucket: BUCKET, bufferBytes: 3 * PART_BYTES },
        ...{ partBytes: PART_BYTES, segmentBytes: PART_BYTES, clock: now },
        retry: { attempts: 1, firstMs: 0, maxMs: 0 },
        source: {
          read: (request) =>
            scheduled(
              `GET ${new URL(request.url).pathname.split('/').at(-1)} from ${request.range.from}`,
              [],
              () => source.read(request),
              () => source.read(request),
            ),
          close: () => undefined,
        },
      }),
    close: async () => {
      hooks = undefined;
      source.close();
      client.destroy();
      await Promise.all([ledger.close(), s3.close(), media.close(), thumbnails.close()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function connectionReset(): Error {
  return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
}

/** Key, part and upload of an S3 call, for the trace. */
function partOf(input: object): string {
  const key = 'Key' in input ? String(input.Key).split('/').at(-1) : '';
  const part = 'PartNumber' in input ? ` part ${String(input.PartNumber)}` : '';
  const upload = 'UploadId' in input ? ` of ${String(input.UploadId).slice(0, 6)}` : '';
  return `${key}${part}${upload}`;
}

/** Items and changed attributes of a DynamoDB call, for the trace. */
function itemsOf(input: object): string {
  const text = JSON.stringify(input);
  const names = [...text.matchAll(/"sk":\{"S":"OUTPUT#1#([^"]+)"/g)].map(([, name = '']) => name);
  const removes = /REMOVE ([^"]*?)(?: ADD| DELETE|")/.exec(text)?.[1] ?? '';
  const state = /":state":\{"S":"(\w+)"/.exec(text)?.[1] ?? '';
  return [names.join(' + '), state && `to ${state}`, removes && `without ${removes}`]
    .filter(Boolean)
    .join(' ');
}
