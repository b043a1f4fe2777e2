import { setTimeout as sleep } from 'node:timers/promises';

/** An upload to the customer's own destination failed, in Zencoder's own terms. */
export class PrimaryUploadFailed extends Error {
  override readonly name = 'PrimaryUploadFailed';
  /** Zencoder's class, e.g. `UploadAccessDeniedError`. */
  readonly errorClass: string;

  constructor(errorClass: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.errorClass = errorClass;
  }

  /** The documentation link that a notification carries. */
  get link(): string {
    return `https://app.zencoder.com/docs/errors/${this.errorClass}`;
  }
}

/** The destination did not respond within the time allowed. */
export class DestinationTimeout extends Error {
  override readonly name = 'DestinationTimeout';
}

const CLASS_OF_CODE: Readonly<Record<string, 'resolve' | 'connect' | 'timeout'>> = {
  ENOTFOUND: 'resolve',
  EAI_AGAIN: 'resolve',
  EAI_FAIL: 'resolve',
  ECONNREFUSED: 'connect',
  EHOSTUNREACH: 'connect',
  ENETUNREACH: 'connect',
  ETIMEDOUT: 'timeout',
};

/** What an error of the network (never a response of the server) is to Zencoder; the message names the destination. */
export function fromNetworkError(error: unknown, destination: URL): PrimaryUploadFailed {
  const kind = error instanceof DestinationTimeout ? 'timeout' : kindOf(error);
  const options = { cause: error };
  switch (kind) {
    case 'resolve':
      return new PrimaryUploadFailed(
        'UnableToResolveHostError',
        `There was a problem resolving the host at ${destination.protocol}//${destination.host}. Please check that it is correct.`,
        options,
      );
    case 'connect':
      return new PrimaryUploadFailed(
        'UploadServerNotFoundError',
        `No server answered at ${destination.protocol}//${destination.host}.`,
        options,
      );
    case 'timeout':
      return new PrimaryUploadFailed(
        'UploadTimeoutError',
        `${destination.href} took too long to respond.`,
        options,
      );
    case undefined:
      return new PrimaryUploadFailed(
        'UnexpectedUploadProblemError',
        `There was an unexpected problem while uploading to ${destination.href}.`,
        options,
      );
  }
}

function kindOf(error: unknown): 'resolve' | 'connect' | 'timeout' | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? CLASS_OF_CODE[error.code] : undefined;
  if (code !== undefined) return code;
  // An address family that fails first hides the error code in an AggregateError or a cause.
  const inner =
    error instanceof AggregateError ? error.errors : error.cause === undefined ? [] : [error.cause];
  return inner.map(kindOf).find((kind) => kind !== undefined);
}

/** Zencoder's error for a response that rejects the upload. */
export function fromStatus(status: number, reason: string, destination: URL): PrimaryUploadFailed {
  if (status === 401 || status === 403) {
    return new PrimaryUploadFailed(
      'UploadAccessDeniedError',
      `Access was denied while uploading to ${destination.href}.`,
    );
  }
  return new PrimaryUploadFailed(
    'UploadFailureError',
    `The server at ${destination.href} returned ${status}${reason === '' ? '' : ` ${reason}`}.`,
  );
}

/** Rejects with {@link DestinationTimeout} when the work is not done in time, after aborting it. */
export async function withinTime<T>(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const done = new AbortController();
  const tooLate = sleep(milliseconds, undefined, { signal: done.signal, ref: false }).then(() => {
    stop.abort();
    throw new DestinationTimeout(`no response within ${milliseconds} ms`);
  });
  const result = work(stop.signal);
  try {
    return await Promise.race([result, tooLate]);
  } finally {
    done.abort();
    // What loses the race is aborted; its error is ignored.
    await Promise.allSettled([result, tooLate]);
  }
}
