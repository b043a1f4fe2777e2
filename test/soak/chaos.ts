import { type Fault, type FaultHook, slowDown } from '../../infra/local/s3/faults.ts';
import type { ProxyFault } from './fault-proxy.ts';
import type { Random } from './random.ts';

/** What went wrong so far, by kind. */
export type Injected = Readonly<Record<string, number>>;

/** Decides what goes wrong; nothing does until it is let loose. */
export interface Chaos {
  readonly injected: Injected;
  /** For the customer's bucket. */
  readonly bucketFaults: FaultHook;
  /** For Zencoder's storage; also kills workers, since a download means that one is at work. */
  readonly storageFaults: FaultHook;
  /** For DynamoDB, SQS and SNS. */
  readonly serviceFault: (service: string) => (operation: string) => ProxyFault | undefined;
  /** @param kill ends a worker that is at work; false when none is. */
  begin(kill: () => boolean): void;
  end(): void;
}

const S3_FAULTS: readonly Fault[] = [
  slowDown(),
  { status: 500, code: 'InternalError' },
  'reset',
  'lost-answer',
];
const SERVICE_FAULTS: readonly ProxyFault[] = [
  { status: 500, code: 'InternalServerError' },
  { status: 400, code: 'ThrottlingException' },
  'reset',
  'lost-answer',
];

export function createChaos(
  { kills, errors }: { readonly kills: number; readonly errors: number },
  random: Random,
): Chaos {
  const injected: Record<string, number> = {};
  let killWorker: (() => boolean) | undefined;
  const count = (kind: string) => {
    injected[kind] = (injected[kind] ?? 0) + 1;
  };
  const pick = <T>(faults: readonly T[]): T | undefined => faults[random.below(faults.length)];
  const s3Fault = (name: string): Fault | undefined => {
    if (killWorker === undefined || !random.chance(errors)) return undefined;
    count(`errors of ${name}`);
    return pick(S3_FAULTS);
  };
  return {
    injected,
    bucketFaults: () => s3Fault('the bucket'),
    storageFaults: ({ operation }) => {
      if (operation === 'GetObject' && random.chance(kills) && killWorker?.() === true)
        count('workers killed');
      return s3Fault("Zencoder's storage");
    },
    serviceFault: (service) => () => {
      if (killWorker === undefined || !random.chance(errors)) return undefined;
      count(`errors of ${service}`);
      return pick(SERVICE_FAULTS);
    },
    begin(kill) {
      killWorker = kill;
    },
    end() {
      killWorker = undefined;
    },
  };
}
