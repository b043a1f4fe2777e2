import * as v from 'valibot';
import { flag, httpUrl, text, wholeNumber } from '../shared/runtime/environment.ts';
import { zencoderApiEnvironment } from '../shared/zencoder/api-key.ts';
import { storageAllowList } from '../shared/zencoder/storage.ts';

/** The environment variables of reconcile; `infra/constructs/reconcile.ts` sets them. */
export const reconcileEnvironment = v.object({
  QUEUE_URL: httpUrl,
  TABLE_NAME: text,
  EVENTS_TOPIC_ARN: text,
  ZENCODER_STORAGE: storageAllowList,
  COLLECT_UNSENT_OUTPUTS: flag,
  /** Hours before its deadline from which an open recovery is at risk. */
  AT_RISK_HOURS: wholeNumber(1, 24),
  /** Seconds for which the queue hides a message: a message that was taken shows again after that. */
  VISIBILITY_SECONDS: wholeNumber(1, 43_200),
  ...zencoderApiEnvironment,
});
