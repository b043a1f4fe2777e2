import { FunctionThrottled } from './protocol.ts';

/**
 * What Lambda keeps for functions without a reservation: 100, or all of a smaller account
 * (https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html).
 */
const MIN_UNRESERVED = 100;

/** Concurrent executions of a new account, which AWS raises with its use; an older one has 1,000. */
export const NEW_ACCOUNT_CONCURRENCY = 10;

/** Concurrent executions of the account. */
export interface AccountLimits {
  readonly concurrentExecutions: number;
  /** What no function has reserved. */
  readonly unreserved: number;
}

/** A reservation that the account has no room for; the message is Lambda's own, with which a deployment fails. */
export class ReservationRefused extends Error {
  override readonly name = 'ReservationRefused';

  constructor(functionName: string, minimum: number) {
    super(
      `${functionName}: Specified ReservedConcurrentExecutions for function decreases account's ` +
        `UnreservedConcurrentExecution below its minimum value of [${minimum}].`,
    );
  }
}

/**
 * The concurrent executions of one account and region, which all its functions share. A reservation is a function's own:
 * the others cannot use it, and the function gets no more
 * (https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html).
 */
export class AccountConcurrency {
  readonly #limit: number;
  readonly #reserved = new Map<string, number>();
  readonly #running = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** As `GetAccountSettings` reports it. */
  get limits(): AccountLimits {
    return { concurrentExecutions: this.#limit, unreserved: this.#unreserved() };
  }

  /** @throws {ReservationRefused} */
  reserve(functionName: string, executions: number): void {
    const minimum = Math.min(MIN_UNRESERVED, this.#limit);
    if (executions > 0 && this.#unreserved() - executions < minimum) {
      throw new ReservationRefused(functionName, minimum);
    }
    this.#reserved.set(functionName, executions);
  }

  /**
   * Takes an execution; it ends when the returned function is called.
   *
   * @throws {FunctionThrottled} when none is free
   */
  take(functionName: string): () => void {
    const running = this.#running.get(functionName) ?? 0;
    const reserved = this.#reserved.get(functionName);
    if (reserved !== undefined && running >= reserved) {
      throw new FunctionThrottled(functionName, 'ReservedFunctionConcurrentInvocationLimitExceeded');
    }
    if (reserved === undefined && this.#sharedRunning() >= this.#unreserved()) {
      throw new FunctionThrottled(functionName, 'ConcurrentInvocationLimitExceeded');
    }
    this.#running.set(functionName, running + 1);
    return () => this.#running.set(functionName, (this.#running.get(functionName) ?? 1) - 1);
  }

  #unreserved(): number {
    return this.#limit - sum(this.#reserved.values());
  }

  #sharedRunning(): number {
    const shared = [...this.#running].filter(([name]) => !this.#reserved.has(name));
    return sum(shared.map(([, running]) => running));
  }
}

function sum(numbers: Iterable<number>): number {
  return Iterator.from(numbers).reduce((total, each) => total + each, 0);
}
