import type { SQSClient } from '@aws-sdk/client-sqs';
import type { Clock } from '../../infra/local/clock.ts';
import type { LocalStack } from '../../infra/local/stack.ts';
import type { Ledger } from '../../lambda/shared/ledger/ledger.ts';
import { startTestStack } from '../support/stack.ts';
import { type Chaos, WITHDRAWN_KEY } from './chaos.ts';
import type { KeptFile } from './workload.ts';

/** Short, so that the message of a worker that was killed is soon redelivered. */
const WORKER_TIMEOUT_SECONDS = 120;

/** The stack on servers that can fail, and Zencoder's storage. */
export interface SoakEnvironment {
  readonly stack: LocalStack;
  readonly clock: Clock;
  /** Keeps a file as Zencoder does. */
  readonly keep: (file: KeptFile) => Promise<void>;
  readonly sign: (path: string) => string;
  /** Signs by the key that is withdrawn. */
  readonly signInVain: (path: string) => string;
  /** The ledger by a way of its own: reading it neither fails nor counts as {@link SoakEnvironment.activity}. */
  readonly ledger: Ledger;
  /** The queues, likewise. */
  readonly sqs: SQSClient;
  /** Requests that functions have made to storage, bucket and ledger: while it does not change, no function works. */
  readonly activity: () => number;
  readonly close: () => Promise<void>;
}

export async function startSoakEnvironment(chaos: Chaos): Promise<SoakEnvironment> {
  const { stack, clock, ledger, sqs, activity, keep, sign, close } = await startTestStack({
    context: { workerTimeoutSeconds: WORKER_TIMEOUT_SECONDS },
    bucket: { faults: chaos.bucketFaults },
    storageFaults: chaos.storageFaults,
    secondKey: WITHDRAWN_KEY,
    serviceFaults: chaos.serviceFault,
  });
  return {
    stack,
    clock,
    ledger,
    sqs,
    activity,
    sign: (path) => sign(path),
    signInVain: (path) => sign(path, undefined, WITHDRAWN_KEY),
    keep: async ({ path, body }) => {
      await keep(path, body);
    },
    close,
  };
}
