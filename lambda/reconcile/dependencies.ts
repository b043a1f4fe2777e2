import type { Logger } from '@aws-lambda-powertools/logger';
import type { EventPublisher } from '../shared/events/publisher.ts';
import type { Ledger } from '../shared/ledger/ledger.ts';
import type { RecoveryMessage } from '../shared/queue/messages.ts';
import type { Meter } from '../shared/runtime/metrics.ts';
import type { ZencoderApi } from '../shared/zencoder/api.ts';
import type { DetectionSettings } from '../shared/zencoder/failed-outputs.ts';

/** Everything that reconcile's code works with, made once at the handler. Each function names the few that it uses. */
export interface ReconcileDependencies {
  readonly ledger: Ledger;
  /** The Zencoder API; null when no key is configured. */
  readonly api: ZencoderApi | null;
  /** Resolves once the recovery queue has every message. */
  readonly send: (messages: readonly RecoveryMessage[]) => Promise<void>;
  /** Messages on the recovery queue that wait to be received, as far as SQS knows. */
  readonly backlog: () => Promise<number>;
  readonly events: EventPublisher;
  readonly settings: DetectionSettings;
  /** Milliseconds before its deadline from which an open recovery is at risk. */
  readonly atRiskMs: number;
  /** Milliseconds without any sign after which a recovery counts as stalled; see `stalledAfterMs`. */
  readonly stalledAfterMs: number;
  readonly meter: Meter;
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}
