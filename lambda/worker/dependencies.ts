import type { Logger } from '@aws-lambda-powertools/logger';
import type { EventPublisher } from '../shared/events/publisher.ts';
import type { Ledger } from '../shared/ledger/ledger.ts';
import type { Meter } from '../shared/runtime/metrics.ts';
import type { ZencoderApi } from '../shared/zencoder/api.ts';
import type { StorageAllowList } from '../shared/zencoder/storage.ts';
import type { CopyEngine } from './copy/types.ts';
import type { KeyTemplate } from './key-template.ts';
import type { RecoveryQueue } from './queue.ts';

/** Everything that the worker's code works with, made once at the handler. Each function names the few that it uses. */
export interface WorkerDependencies {
  readonly ledger: Ledger;
  readonly engine: CopyEngine;
  readonly queue: RecoveryQueue;
  /** The customer's bucket. */
  readonly bucket: string;
  readonly keyTemplate: KeyTemplate;
  /** The only storage that requests may go to. */
  readonly storage: StorageAllowList;
  /** The Zencoder API; null when no key is configured. */
  readonly api: ZencoderApi | null;
  readonly events: EventPublisher;
  readonly meter: Meter;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error' | 'appendKeys' | 'resetKeys'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** From 0 to 1; spreads attempts that failed together. */
  readonly random: () => number;
}
