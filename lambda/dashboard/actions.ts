import { GetObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { encodeMessage, MAX_REQUESTER, type RedriveMessage } from '../shared/queue/messages.ts';
import { RecoveryError } from '../shared/runtime/errors.ts';
import { cut } from '../shared/runtime/redact.ts';

/** Long enough to begin a download, in seconds; one that has begun may take longer. */
export const LINK_SECONDS = 5 * 60;

/** A recovered object. */
export interface RecoveredObject {
  readonly bucket: string;
  readonly key: string;
  /** What the download is to be called. */
  readonly filename: string;
}

/** Makes links to recovered objects. */
export interface Downloads {
  /** Buckets that the function may read: the stack's, and those of the setting `previousBuckets`. */
  readonly buckets: ReadonlySet<string>;
  /** A signed URL, valid for {@link LINK_SECONDS}: a credential, so it goes into a redirect and never into a page. */
  urlOf(object: RecoveredObject): Promise<string>;
}

/** Links signed with the function's own role; signing needs no request. */
export function createDownloads(s3: S3Client, buckets: ReadonlySet<string>): Downloads {
  return {
    buckets,
    urlOf: ({ bucket, key, filename }) =>
      getSignedUrl(
        s3,
        new GetObjectCommand({
          Bucket: bucket,
          Key: key,
          ResponseContentDisposition: contentDisposition(filename),
        }),
        { expiresIn: LINK_SECONDS },
      ),
  };
}

/** A download under this name, in ASCII for old clients and in full for the others (RFC 6266). */
export function contentDisposition(filename: string): string {
  const ascii = filename.replace(/[^ -~]|["\\%]/g, '_');
  const full = encodeURIComponent(filename.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${full}`;
}

/** What is to be retried: an output, one role of it, or one file; and who asks for it, when. */
export type RetryRequest = Pick<RedriveMessage, 'jobId' | 'outputId' | 'role' | 'fileId'> &
  Required<Pick<RedriveMessage, 'requested'>>;

/** The name of an operator as records show it. */
export function requesterOf(name: string): string {
  return cut(`operator ${name.toWellFormed()}`, MAX_REQUESTER);
}

/** The queue did not accept the request; nothing has changed, and it can be repeated. */
export class RetryNotQueued extends RecoveryError {
  override readonly name = 'RetryNotQueued';
  override readonly category = 'transient';
}

/** Where *Retry now* goes. */
export interface RetryQueue {
  /**
   * Asks the worker to try again at once. It opens settled recoveries again and gets a fresh signed URL from Zencoder,
   * since none is stored; the dashboard itself writes nothing.
   *
   * @throws {RetryNotQueued}
   */
  request(request: RetryRequest): Promise<void>;
}

/** The recovery queue, as far as *Retry now* needs it. */
export function createRetryQueue(sqs: SQSClient, queueUrl: string): RetryQueue {
  return {
    async request(request) {
      const MessageBody = encodeMessage({ type: 'redrive', version: 1, ...request });
      try {
        await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
      } catch (cause) {
        throw new RetryNotQueued('the queue did not take the request to retry', { cause });
      }
    },
  };
}
