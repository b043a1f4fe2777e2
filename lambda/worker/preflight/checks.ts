import { S3ServiceException } from '@aws-sdk/client-s3';
import { redact } from '../../shared/redact.ts';
import { noteOf } from '../verdict.ts';
import { CHECKS, type CheckName, type CheckResult } from './report.ts';

/** Runs checks one after the other and keeps what came of each. */
export class Checks {
  readonly results: CheckResult[] = [];
  readonly #again: <T>(action: () => Promise<T>) => Promise<T>;

  /** @param again how an action is tried again when it fails by something that passes. */
  constructor(again: <T>(action: () => Promise<T>) => Promise<T>) {
    this.#again = again;
  }

  /** Whether all that a recovery needs has passed. */
  get ok(): boolean {
    return this.results.every(({ needed, outcome }) => !needed || outcome === 'passed');
  }

  /** @returns what the action gives; undefined when it failed. */
  async run<T>(name: CheckName, action: () => Promise<T>): Promise<T | undefined> {
    try {
      const value = await this.#again(action);
      this.results.push(resultOf(name, 'passed'));
      return value;
    } catch (error) {
      this.results.push(resultOf(name, 'failed', error));
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
  const note = outcome === 'failed' ? noteOf(error) : undefined;
  return {
    name,
    ...CHECKS[name],
    outcome,
    errorClass: note?.errorClass ?? null,
    message: note?.message ?? null,
    answer: outcome === 'failed' ? answerOf(error) : null,
  };
}

/** What S3 wrote into its answer. A HEAD has no body, for which the SDK makes up words of its own. */
function answerOf(error: unknown): string | null {
  const cause = error instanceof Error ? error.cause : undefined;
  if (!(cause instanceof S3ServiceException) || cause.message === '') return null;
  return /^(?:UnknownError|NotFound|Forbidden)$/.test(cause.message) ? null : redact(cause.message);
}
