import { DestinationTimeout, fromNetworkFault, PrimaryUploadFailed, withinTime } from './primary/failure.ts';
import { putByFtp } from './primary/ftp.ts';
import { putByHttp } from './primary/http.ts';
import { putByS3, type S3Account } from './primary/s3.ts';
import type { StreamSource } from './source.ts';

/** How the stand-in reaches the destinations that customers name. */
export interface PrimaryOptions {
  /** Where `s3://` destinations are; without it an output that names one is a mistake of the caller. */
  readonly s3?: S3Account;
  /** Milliseconds for one attempt. */
  readonly timeout: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Zencoder documents three attempts before it calls a destination too slow. */
const ATTEMPTS = 3;

/**
 * Uploads a file to the customer's own destination, for real.
 *
 * @param destination `ftp://`, `http(s)://` or `s3://bucket/key`.
 * @returns the URL by which a notification names the file there.
 * @throws {PrimaryUploadFailed} in Zencoder's terms.
 */
export async function uploadToPrimary(
  destination: string,
  file: StreamSource,
  options: PrimaryOptions,
): Promise<string> {
  const url = new URL(destination);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await withinTime(options.timeout, (signal) => upload(url, file, options, signal));
    } catch (fault) {
      if (fault instanceof PrimaryUploadFailed || fault instanceof UnsupportedDestination) throw fault;
      if (fault instanceof DestinationTimeout && attempt < ATTEMPTS) continue;
      throw fromNetworkFault(fault, url);
    }
  }
}

/** The job asks for something that the stand-in cannot play: a mistake in the test, never a failed upload. */
export class UnsupportedDestination extends Error {
  override readonly name = 'UnsupportedDestination';
}

async function upload(
  url: URL,
  file: StreamSource,
  options: PrimaryOptions,
  signal: AbortSignal,
): Promise<string> {
  // `s3+eu-central-1:` is an S3 destination, too.
  switch (url.protocol.replace(/(\+.*)?:$/, '')) {
    case 'ftp':
      await putByFtp(url, file, signal);
      return url.href;
    case 'http':
    case 'https':
      await putByHttp(url, file, signal);
      return url.href;
    case 's3':
      if (options.s3 === undefined) {
        throw new UnsupportedDestination('an s3:// destination needs the `primary.s3` option');
      }
      return putByS3(url, file, options.s3, options.now(), signal);
    default:
      throw new UnsupportedDestination(`the stand-in does not speak ${url.protocol}`);
  }
}
