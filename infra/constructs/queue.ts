import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Effect, type IGrantable, type IPrincipal, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';

export interface RecoveryQueueProps {
  /** Seconds that one worker invocation may take; decides for how long a message is hidden. */
  readonly workerTimeoutSeconds: number;
}

/**
 * The queue between ingest and worker, with its dead-letter queue. Both are encrypted by SQS and deny plain HTTP.
 *
 * - **Visibility timeout**: the worker's timeout and a tenth of it more, at most 30 seconds. AWS advises six times the
 *   timeout so that throttled batches are not received twice; here a batch is one message, the event source mapping
 *   never polls more than the workers that it may start, and a longer time would only delay taking up the work of a
 *   worker that crashed. It is never shorter than the timeout: a worker's lease in the ledger ends with its invocation, so it
 *   has always run out when the message is redelivered.
 * - **Receive count**: the worker itself ends a recovery when its URL expires, two days after it was read at most, or
 *   after 40 hours when the bucket does not say whether the file is there or denies the completion of a copied one. It backs
 *   off up to 15 minutes, spread over the upper half of each step (11 minutes on average), and tries all files of a message
 *   together: about 260 deliveries in two days, 220 in 40 hours. 340 keeps those out of the dead-letter queue, and takes
 *   a message there that crashes each worker (a delivery every 15.5 minutes) before its retention ends.
 * - **In flight**: a message that waits for its next attempt is hidden, and SQS delivers nothing more while 120,000 are
 *   (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html). So many outputs
 *   would have to fail at once, and then wait for at most 15 minutes.
 * - **Retention**: 4 days on the queue, longer than any recovery can last; 14 days, the maximum of SQS, on the
 *   dead-letter queue, so that a long weekend leaves time to look and to redrive: at least 10 days, since SQS counts from
 *   the first enqueue (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html).
 */
export class RecoveryQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetterQueue: Queue;
  /** Seconds for which a received message is hidden. */
  readonly visibilitySeconds: number;

  constructor(scope: Construct, id: string, props: RecoveryQueueProps) {
    super(scope, id);
    this.deadLetterQueue = new Queue(this, 'DeadLetterQueue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.visibilitySeconds = visibilitySeconds(props.workerTimeoutSeconds);
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(4),
      visibilityTimeout: Duration.seconds(this.visibilitySeconds),
      deadLetterQueue: { queue: this.deadLetterQueue, maxReceiveCount: 340 },
      removalPolicy: RemovalPolicy.DESTROY,
    });
  }

  /** Allows to put messages on the queue, and nothing else. */
  grantSend(role: IGrantable): void {
    allow(role.grantPrincipal, ['sqs:SendMessage'], [this.queue.queueArn]);
  }

  /** Allows to read the number of messages. */
  grantReadAttributes(role: IGrantable): void {
    allow(role.grantPrincipal, ['sqs:GetQueueAttributes'], [this.queue.queueArn]);
  }

  /**
   * Allows what the worker does: receive messages, delay and delete them, queue segments, and put what cannot be
   * understood straight on the dead-letter queue.
   */
  grantConsume(role: IGrantable): void {
    allow(
      role.grantPrincipal,
      [
        'sqs:ReceiveMessage',
        'sqs:DeleteMessage',
        'sqs:GetQueueAttributes',
        'sqs:ChangeMessageVisibility',
        'sqs:SendMessage',
      ],
      [this.queue.queueArn],
    );
    allow(role.grantPrincipal, ['sqs:SendMessage'], [this.deadLetterQueue.queueArn]);
  }
}

function visibilitySeconds(workerTimeoutSeconds: number): number {
  return workerTimeoutSeconds + Math.min(30, Math.ceil(workerTimeoutSeconds / 10));
}

function allow(principal: IPrincipal, actions: string[], resources: string[]): void {
  principal.addToPrincipalPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources }));
}
