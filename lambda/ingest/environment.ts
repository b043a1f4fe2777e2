import * as v from 'valibot';
import { flag, httpUrl, text } from '../shared/runtime/environment.ts';
import { storageAllowList } from '../shared/zencoder/storage.ts';

/** The environment variables of ingest; `infra/constructs/ingest.ts` sets them. */
export const ingestEnvironment = v.object({
  /** The recovery queue. */
  QUEUE_URL: httpUrl,
  /** The ledger: ingest writes the counters of refused notifications, the time of the last one, and nothing else. */
  TABLE_NAME: text,
  /** Secrets Manager secret with the credentials of the notification URL. */
  NOTIFICATION_SECRET_ARN: text,
  /** Which hosts and buckets are Zencoder's own. */
  ZENCODER_STORAGE: storageAllowList,
  /** Whether outputs without any destination, kept on Zencoder's storage by default, are recovered too. */
  COLLECT_UNSENT_OUTPUTS: flag,
});
