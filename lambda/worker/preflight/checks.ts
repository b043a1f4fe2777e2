import { S3ServiceException } from '@aws-sdk/client-s3';
import { SNSServiceException } from '@aws-sdk/client-sns';
import { summarizeError } from '../../shared/runtime/error-summary.ts';
import { CHECKS, type CheckName, type CheckResult } from '../../shared/runtime/preflight.ts';
import { redact } from '../../shared/runtime/redact.ts';

/** Runs checks one after the other and keeps the result of each. */
export class Checks {
  readonly results: CheckResult[] = [];
  readonly #explain: (error: unknown) => Promise<unknown>;

  /** @param explain gives the error to report for one that a check met. */
  constructor(explain: (error: unknown) => Promise<unknown>) {
    this.#explain = explain;
  }

  /** Whether all that a recovery needs has passed. */
  get ok(): boolean {
    return this.results.every(({ needed, outcome }) => !needed || outcome === 'passed');
  }

  /** @returns what the action gives; undefined when it failed. */
  async run<T>(name: CheckName, action: () => Promise<T>): Promise<T | undefined> {
    try {
      const value = await action();
      this.results.push(resultOf(name, 'passed'));
      return value;
    } catch (error) {
      this.results.push(resultOf(name, 'failed', await this.#explain(error)));
      return undefined;
    }
  }

  /** As `run`, but skipped without what an earlier check was to give. */
  async after<From, T>(
    from: From | undefined | false,
    name: CheckName,
    action: (from: From) => Promise<T>,
  ): Promise<T | undefined> {
    if (from !== undefined && from !== false) return await this.run(name, () => action(from));
    this.results.push(resultOf(name, 'skipped'));
    return undefined;
  }
}

function resultOf(name: CheckName, outcome: CheckResult['outcome'], error?: unknown): CheckResult {
  const summary = outcome === 'failed' ? summarizeError(error) : undefined;
  return {
    name,
    ...CHECKS[name],
    outcome,
    errorClass: summary?.errorClass ?? null,
    message: summary?.message ?? null,
    answer: outcome === 'failed' ? answerOf(error) : null,
  };
}

/** AWS's own message. A response to HEAD has no body, and the SDK makes a message up. */
function answerOf(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof S3ServiceException || cause instanceof SNSServiceException)) return null;
  if (cause.message === '') return null;
  return /^(?:UnknownError|NotFound|Forbidden)$/.test(cause.message) ? null : redact(cause.message);
}
