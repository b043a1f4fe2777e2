import type { Condition } from './conditional-writes.ts';

/** Condition: no invocation holds the lease, or its time has passed. Needs `:if_now`, epoch milliseconds. */
export const LEASE_IS_FREE = '(attribute_not_exists(#leaseUntil) OR #leaseUntil < :if_now)';

/** Condition: the lease is the caller's. Needs `:if_owner`, the id of the invocation. */
export const LEASE_IS_MINE = '#leaseOwner = :if_owner';

/** {@link LEASE_IS_MINE} for an owner, as the whole condition of a write. */
export function leasedBy(owner: string): Condition {
  return { expression: LEASE_IS_MINE, values: { ':if_owner': owner } };
}

/** Condition: the recovery is open and under this plan (a settled one has none). Needs `:if_uploadId`. */
export const IS_THIS_UPLOAD = '#upload.#uploadId = :if_uploadId';

/** Changes after which a recovery no longer waits for its next attempt. */
export const DUE = { nextAttemptAt: undefined, nextAttemptMessage: undefined } as const;

/** Changes that mark a recovery as being copied, also one that waited for its next attempt. */
export const AT_WORK = { state: 'copying', ...DUE } as const;
