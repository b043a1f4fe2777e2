import * as v from 'valibot';
import {
  accountId,
  flag,
  httpUrl,
  parseEnvironment,
  text,
  wholeNumber,
} from '../shared/runtime/environment.ts';

/** `name=123456789012,…`: owner by name. */
const previousBuckets = v.pipe(
  v.string(),
  v.regex(/^(?:[a-z0-9.-]+=[0-9]{12}(?:,|$))*$/, 'must be name=account, separated by commas'),
  v.transform(
    (list) =>
      new Map([...list.matchAll(/([^=,]+)=([^,]+)/g)].map(([, name = '', owner = '']) => [name, owner])),
  ),
);

const schema = v.object({
  /** The ledger. */
  TABLE_NAME: text,
  /** The recovery queue, for *Retry now*. */
  QUEUE_URL: httpUrl,
  /** Where recovered files are. */
  BUCKET_NAME: text,
  /** The account that owns the bucket. */
  BUCKET_OWNER: v.optional(accountId, ''),
  /** Earlier buckets with their owners. */
  PREVIOUS_BUCKETS: v.optional(previousBuckets, ''),
  /** Secrets Manager secret with the user name and password of the dashboard. */
  DASHBOARD_SECRET_ARN: text,
  /** Hours before its deadline from which an open recovery counts as at risk. */
  AT_RISK_HOURS: v.optional(wholeNumber(1, 24), '6'),
  /** Whether the worker can get fresh URLs from the Zencoder API. */
  HAS_ZENCODER_API_KEY: v.optional(flag, 'false'),
  /** Region of the stack and of the bucket; Lambda sets it. */
  AWS_REGION: text,
});

export type DashboardEnvironment = v.InferOutput<typeof schema>;

/** @throws {InvalidEnvironment} naming every invalid variable. */
export function dashboardEnvironment(): DashboardEnvironment {
  return parseEnvironment(schema);
}
