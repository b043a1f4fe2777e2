import type { Latest } from '../../../lambda/shared/ledger/latest.ts';
import { relative, utcSeconds } from '../../../lambda/shared/reporting/format.ts';
import { sanitize } from './terminal.ts';

/** What shows that Zencoder reaches the stack, and the stack the bucket: titles and texts. */
export function latestRows({ notification, preflight }: Latest, now: number): [string, string][] {
  const when = (time: number) => `${utcSeconds(time)} UTC, ${relative(time, now)}`;
  return [
    [
      'Last notification',
      notification === null
        ? 'none from Zencoder yet: README, "Deploy", has the job that shows whether it arrives'
        : when(notification),
    ],
    [
      'Last preflight',
      preflight === null
        ? 'not passed yet: npm run preflight'
        : `passed for bucket ${sanitize(preflight.bucket)} ${when(preflight.at)}`,
    ],
  ];
}

/** The same for JSON; null for what never was. */
export function latestJson({ notification, preflight }: Latest) {
  return {
    lastNotification: notification === null ? null : new Date(notification).toISOString(),
    lastPreflight:
      preflight === null
        ? null
        : { passedAt: new Date(preflight.at).toISOString(), bucket: preflight.bucket },
  };
}
