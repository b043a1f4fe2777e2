import { EventSourceMapping, RecursiveLoop } from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { RecoveryBucket } from './bucket.ts';
import type { EventsTopic } from './events-topic.ts';
import { type LoggingProps, NodeFunction } from './function.ts';
import type { LedgerTable } from './ledger-table.ts';
import type { RecoveryQueue } from './queue.ts';
import { grantZencoderApiKey, type ZencoderApiProps, zencoderApiVariables } from './secrets.ts';

const MIB = 2 ** 20;

export interface RecoveryWorkerProps extends LoggingProps, ZencoderApiProps {
  readonly queue: RecoveryQueue;
  readonly ledger: LedgerTable;
  readonly bucket: RecoveryBucket;
  readonly events: EventsTopic;
  /** Key of a recovered file; see `parseKeyTemplate`. */
  readonly keyTemplate: string;
  /** Entries of Zencoder's storage, separated by commas; the worker checks every URL again. */
  readonly zencoderStorage: string;
  /** Larger files are copied in segments of about this many bytes. */
  readonly segmentBytes: number;
  /** Days until a settled record may go; 0 keeps it. */
  readonly recordTtlDays: number;
  /** Invocations that may run side by side, 2 to 1000. */
  readonly maxConcurrency: number;
  /** Seconds until Lambda ends an invocation; the queue must hide messages for longer. */
  readonly timeoutSeconds: number;
  /** Memory in MB. */
  readonly memoryMb: number;
  /**
   * Bytes that the parts in flight may take up, all together. Memory is bounded by this and not by the size of a file.
   *
   * @default 134217728, eight parts of 16 MiB
   */
  readonly bufferBytes?: number;
}

/**
 * The worker and its connection to the queue: one message an invocation, so that a slow file delays no other, and a
 * response that names the message that failed, so that the worker decides when it is redelivered.
 *
 * The bound on concurrency is the event source mapping's, not a reserved concurrency of the function: above it
 * messages wait in the queue, without being received and counted in vain.
 *
 * The worker sends its own messages: those of the segments of a large file, and the file again when its upload is gone.
 * A file whose upload is restarted eight times is a chain that Lambda takes for a recursive loop and stops
 * (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html), and its message would wait for the dead-letter
 * queue past the deadline of the file. The loop is meant, and bounded: each restart waits longer, up to 15 minutes, and
 * the deadline ends it.
 *
 * Memory: 128 MiB of parts in flight, about 100 MB for Node and the SDK, and what TLS and the garbage collector need
 * on top; Lambda's network (about 75 MB/s whatever the memory) is the limit, and 768 MB bring 0.43 of a processor,
 * of which a copy at that speed needs about 0.25.
 */
export class RecoveryWorker extends Construct {
  readonly worker: NodeFunction;

  constructor(scope: Construct, id: string, props: RecoveryWorkerProps) {
    super(scope, id);
    this.worker = new NodeFunction(this, 'Worker', {
      folder: 'worker',
      description: 'Records failed uploads and copies their backup files into the bucket',
      memoryMb: props.memoryMb,
      timeoutSeconds: props.timeoutSeconds,
      recursiveLoop: RecursiveLoop.ALLOW,
      logLevel: props.logLevel,
      logRetentionDays: props.logRetentionDays,
      environment: {
        QUEUE_URL: props.queue.queue.queueUrl,
        DEAD_LETTER_QUEUE_URL: props.queue.deadLetterQueue.queueUrl,
        TABLE_NAME: props.ledger.table.tableName,
        BUCKET_NAME: props.bucket.bucketName,
        BUCKET_OWNER: props.bucket.owner,
        ...props.bucket.writeVariables,
        KEY_TEMPLATE: props.keyTemplate,
        ZENCODER_STORAGE: props.zencoderStorage,
        SEGMENT_BYTES: String(props.segmentBytes),
        BUFFER_BYTES: String(props.bufferBytes ?? 128 * MIB),
        RECORD_TTL_DAYS: String(props.recordTtlDays),
        EVENTS_TOPIC_ARN: props.events.topic.topicArn,
        ...zencoderApiVariables(props),
      },
    });
    const { role } = this.worker;
    props.queue.grantConsume(role);
    props.ledger.grantReadWrite(role);
    props.bucket.grantRecover(role);
    props.events.grantPublish(role);
    grantZencoderApiKey(role, props);

    const mapping = new EventSourceMapping(this, 'FromQueue', {
      target: this.worker.function,
      eventSourceArn: props.queue.queue.queueArn,
      batchSize: 1,
      maxConcurrency: props.maxConcurrency,
      reportBatchItemFailures: true,
    });
    // Lambda rejects a mapping whose function may not read the queue yet.
    mapping.node.addDependency(role);
  }
}
