import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { translateBucketError } from './bucket-errors.ts';
import { DestinationUnproven } from './errors.ts';
import { type RetryOptions, retryPassing } from './retry.ts';

export interface BucketCallOptions extends RetryOptions {
  /** Called for each request that is sent. */
  readonly onRequest?: () => void;
}

/** What a call needs in the role's policy. */
type Permission = 's3:PutObject' | 's3:GetObject' | 's3:ListMultipartUploadParts' | 's3:AbortMultipartUpload';

type SendOptions = { readonly abortSignal?: AbortSignal };

/** Sends the requests of a bucket: made again when an error passes, counted, ended by the signal. */
export class BucketCalls {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #options: BucketCallOptions;
  readonly #sendOptions: SendOptions;

  constructor(client: S3Client, bucket: string, options: BucketCallOptions) {
    this.#client = client;
    this.#bucket = bucket;
    this.#options = options;
    this.#sendOptions = options.signal === undefined ? {} : { abortSignal: options.signal };
  }

  /**
   * @param send sends the request; called once an attempt, so that a body that can be sent only once is opened anew.
   * @param read takes the result out of the response; what it throws counts as an error of the request.
   * @throws the errors of `errors.ts`; the signal's reason.
   */
  async make<Output, Result>(
    permission: Permission,
    send: (client: S3Client, options: SendOptions) => Promise<Output>,
    read: (output: Output) => Result,
  ): Promise<Result> {
    return await retryPassing(this.#options, async () => {
      this.#options.onRequest?.();
      let output: Output;
      try {
        output = await send(this.#client, this.#sendOptions);
      } catch (error) {
        const region = await this.#client.config.region();
        throw translateBucketError(error, { bucket: this.#bucket, region, permission });
      }
      return read(output);
    });
  }

  /** @throws {DestinationUnproven} for a response of success that lacks a value. */
  proven<T>(value: T | undefined, what: string): T {
    if (value !== undefined && value !== '') return value;
    throw new DestinationUnproven(`bucket ${this.#bucket} returned a success without ${what}`);
  }
}

/** Whether a HEAD failed because there is no such object. Its response has no body, so 404 is all that S3 says. */
export function isNoObject(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return (
    cause instanceof S3ServiceException &&
    cause.$metadata.httpStatusCode === 404 &&
    cause.name !== 'NoSuchBucket'
  );
}
