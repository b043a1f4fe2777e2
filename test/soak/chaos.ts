import { type Fault, type FaultHook, type FaultRequest, slowDown } from '../../infra/local/aws/s3/faults.ts';
import type { ProxyFault } from '../support/fault-proxy.ts';
import type { SoakOptions } from './options.ts';
import type { Random } from './random.ts';
import { unprovenResponses } from './unproven.ts';

/** What went wrong so far, by kind. */
export type Injected = Readonly<Record<string, number>>;

/** Shares of what goes wrong; see the options of the same names. */
export type ChaosShares = Pick<SoakOptions, 'kills' | 'errors' | 'unproven' | 'missing'>;

/** Decides what goes wrong; nothing does until it is let loose. */
export interface Chaos {
  readonly injected: Injected;
  /** For the customer's bucket. */
  readonly bucketFaults: FaultHook;
  /** For Zencoder's storage; also kills workers, since a download means that one is at work. */
  readonly storageFaults: FaultHook;
  /** For DynamoDB, SQS and SNS. */
  readonly serviceFault: (service: string) => () => ProxyFault | undefined;
  /** @param kill ends a worker that is at work; false when none is. */
  begin(kill: () => boolean): void;
  /** Lets the topic refuse everything for as long as this says so. */
  refuseTopic(isRefusing: () => boolean): void;
  end(): void;
}

/** URLs that are signed with this access key are refused, as those of a key that was withdrawn. */
export const WITHDRAWN_KEY = 'LKIAWITHDRAWN0000000';

const S3_FAULTS: readonly Fault[] = [
  slowDown(),
  { status: 500, code: 'InternalError' },
  'reset',
  'lost-response',
];
const SERVICE_FAULTS: readonly ProxyFault[] = [
  { status: 500, code: 'InternalServerError' },
  { status: 400, code: 'ThrottlingException' },
  'reset',
  'lost-response',
];
/** A file that is missing at first is so for one request or two. */
const MAX_MISSES = 2;

export function createChaos(shares: ChaosShares, random: Random): Chaos {
  const injected: Record<string, number> = {};
  let killWorker: (() => boolean) | undefined;
  let isTopicRefusing = () => false;
  const misses = new Map<string, number>();
  const count = (kind: string) => {
    injected[kind] = (injected[kind] ?? 0) + 1;
  };
  const pick = <T>(faults: readonly T[]): T | undefined => faults[random.below(faults.length)];
  const isError = (of: string): boolean => {
    const occurs = killWorker !== undefined && random.chance(shares.errors);
    if (occurs) count(`errors of ${of}`);
    return occurs;
  };
  const isMissing = (key: string): boolean => {
    const left = misses.get(key) ?? (random.chance(shares.missing) ? 1 + random.below(MAX_MISSES) : 0);
    misses.set(key, Math.max(0, left - 1));
    return left > 0;
  };
  const unproven = unprovenResponses(shares.unproven, random);
  const storageFault = ({ key, accessKeyId }: FaultRequest): Fault | undefined => {
    if (random.chance(shares.kills) && killWorker?.() === true) count('workers killed');
    if (accessKeyId === WITHDRAWN_KEY) {
      count('signatures refused');
      return { status: 403, code: 'AccessDenied' };
    }
    if (!isMissing(key)) return undefined;
    count('files missing at first');
    return { status: 404, code: 'NoSuchKey' };
  };
  return {
    injected,
    bucketFaults: (request) => {
      if (killWorker === undefined) return undefined;
      const response = unproven(request);
      if (response !== undefined) {
        count(`successes of ${request.operation} without proof`);
        return response;
      }
      return isError('the bucket') ? pick(S3_FAULTS) : undefined;
    },
    storageFaults: (request) => {
      if (killWorker === undefined) return undefined;
      const fault = request.operation === 'GetObject' ? storageFault(request) : undefined;
      return fault ?? (isError("Zencoder's storage") ? pick(S3_FAULTS) : undefined);
    },
    serviceFault: (service) => () => {
      if (service === 'SNS' && isTopicRefusing()) {
        count('refusals of the topic');
        return { status: 403, code: 'AuthorizationError' };
      }
      return isError(service) ? pick(SERVICE_FAULTS) : undefined;
    },
    begin(kill) {
      killWorker = kill;
    },
    refuseTopic(isRefusing) {
      isTopicRefusing = isRefusing;
    },
    end() {
      killWorker = undefined;
      isTopicRefusing = () => false;
    },
  };
}
