import { GetAccountSettingsCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import { toCommandFailure } from './aws-errors.ts';
import type { Target } from './target.ts';

/** Concurrent executions of an account in one region. */
export interface AccountConcurrency {
  /** All of them. */
  readonly limit: number;
  /** What no function has reserved. */
  readonly unreserved: number;
}

/** What a stack runs at the same time. */
export interface StackConcurrency {
  /** The setting `maxConcurrency`. */
  readonly workers: number;
  /** The setting `ingestReservedConcurrency`. */
  readonly ingestReserved: number | undefined;
  readonly hasDashboard: boolean;
}

/** Whether a stack fits into its account. */
export interface ConcurrencyReport extends AccountConcurrency {
  /** Unreserved executions that the stack needs. */
  readonly needed: number;
  readonly fits: boolean;
  /** What to set or to raise; what could be better when the stack fits; null when there is nothing to say. */
  readonly advice: string | null;
}

/** Zencoder sends the notifications of several outputs at once. */
const INGEST_SLOTS = 2;
/** What Lambda keeps unreserved: https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html */
const KEPT_UNRESERVED = 100;
/** Enough for the notifications of a large account: an invocation takes some ten milliseconds. */
const RESERVED_FOR_INGEST = 10;
/** AWS's own default of the quota "Concurrent executions", below which a new account starts. */
const USUAL_LIMIT = 1000;

/** Compares what a stack runs at the same time with what its account allows. */
export function checkConcurrency(account: AccountConcurrency, stack: StackConcurrency): ConcurrencyReport {
  const beside = [
    ...(stack.ingestReserved === undefined ? [{ name: 'ingest', slots: INGEST_SLOTS }] : []),
    ...(stack.hasDashboard ? [{ name: 'the dashboard', slots: 1 }] : []),
    { name: 'reconcile', slots: 1 },
  ];
  const others = beside.reduce((total, { slots }) => total + slots, 0);
  const needed = stack.workers + others;
  const fits = needed <= account.unreserved;
  const parts = [{ name: 'workers', slots: stack.workers }, ...beside];
  const list = parts.map(({ name, slots }) => `${slots} for ${name}`).join(', ');
  return {
    ...account,
    needed,
    fits,
    advice: fits
      ? reservation(account, stack, needed)
      : `the stack needs ${needed} concurrent executions (${list}), and the account has ${account.unreserved} that no ` +
        `function has reserved: ${lower(account.unreserved - others)}${raise(account, needed)}`,
  };
}

/** The least `maxConcurrency` is 2. */
function lower(workers: number): string {
  return workers < 2 ? '' : `set maxConcurrency to ${workers}, or `;
}

/** The quota's code: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, Service Quotas `L-B99A9384`. */
function raise({ limit, unreserved }: AccountConcurrency, needed: number): string {
  const wanted = Math.max(USUAL_LIMIT, limit + needed - unreserved);
  return (
    'raise the quota "Concurrent executions" of Lambda: aws service-quotas request-service-quota-increase ' +
    `--service-code lambda --quota-code L-B99A9384 --desired-value ${wanted}`
  );
}

function reservation(
  { unreserved }: AccountConcurrency,
  stack: StackConcurrency,
  needed: number,
): string | null {
  if (stack.ingestReserved !== undefined) return null;
  // A reservation takes the place of the slots that ingest has among those needed.
  const most = unreserved - Math.max(KEPT_UNRESERVED, needed - INGEST_SLOTS);
  return most < RESERVED_FOR_INGEST
    ? null
    : `ingestReservedConcurrency may be set, e.g. to ${RESERVED_FOR_INGEST} (at most ${most}): ingest then has its ` +
        'place whatever else runs in the account';
}

/** The report, or why there is none. */
export type ConcurrencyResult = ConcurrencyReport | { readonly notChecked: string };

/**
 * Asks Lambda for the concurrency of the account, with the operator's credentials (`lambda:GetAccountSettings`), and
 * compares it with that of the stack. An operator without that permission learns what was not checked.
 */
export async function readConcurrency(target: Target, lambda: LambdaClient): Promise<ConcurrencyResult> {
  const stack = stackConcurrency(target.outputs);
  if (stack === null) return { notChecked: 'the stack is of an older version: deploy this one first' };
  try {
    const { AccountLimit: limits } = await lambda.send(new GetAccountSettingsCommand());
    const { ConcurrentExecutions: limit, UnreservedConcurrentExecutions: unreserved } = limits ?? {};
    if (limit === undefined || unreserved === undefined) return { notChecked: 'Lambda returned no limits' };
    return checkConcurrency({ limit, unreserved }, stack);
  } catch (error) {
    const failure = toCommandFailure(error);
    return { notChecked: failure instanceof Error ? failure.message : String(failure) };
  }
}

/** What the outputs of a stack say of its concurrency; null for a stack of a version without them. */
function stackConcurrency({
  MaxConcurrency,
  IngestReservedConcurrency,
  DashboardUrl,
}: Target['outputs']): StackConcurrency | null {
  if (MaxConcurrency === undefined) return null;
  return {
    workers: Number(MaxConcurrency),
    ingestReserved: IngestReservedConcurrency === undefined ? undefined : Number(IngestReservedConcurrency),
    hasDashboard: DashboardUrl !== undefined,
  };
}
