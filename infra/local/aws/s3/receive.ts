import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { BodyWriter, StoredBody } from './bodies.ts';
import {
  algorithmOfHeader,
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  checksumHeader,
  createDigest,
  type Digest,
  statedChecksum,
} from './checksums.ts';
import { AwsChunkedDecoder } from './chunked.ts';
import { s3Error } from './errors.ts';
import { type Exchange, header, type Service } from './service.ts';

/** A body that came whole and passed all checks. */
export interface ReceivedBody {
  readonly body: StoredBody;
  readonly etag: string;
  /** The checksum to keep: the client's, or that of the algorithm asked for. */
  readonly checksum: { readonly algorithm: ChecksumAlgorithm; readonly value: string } | undefined;
}

/** The client went away in the middle: a response has no receiver. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';
}

const MAX_BODY = 5 * 1024 ** 3;
const BACKLOG_LIMIT = 4 * 1024 * 1024;
const STREAMING_UNSIGNED = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';

/** What the headers say about a body, before it comes. */
interface Plan {
  readonly chunked: boolean;
  /** Bytes of the decoded body. */
  readonly length: number;
  readonly payloadSha256: string | undefined;
  readonly contentMd5: string | undefined;
  /** The client's checksum; the value follows in a trailer when undefined. */
  readonly stated: { readonly algorithm: ChecksumAlgorithm; readonly value: string | undefined } | undefined;
}

/**
 * Takes in the body of PutObject or UploadPart, writing as it comes in bounded memory, and checks whatever the client
 * stated about it. Nothing is left on disk when it throws.
 * @param wanted also computes this checksum if the client states none
 * @throws S3Error as S3 has it; ClientGone
 */
export async function receiveBody(
  exchange: Exchange,
  service: Service,
  wanted?: ChecksumAlgorithm,
): Promise<ReceivedBody> {
  const plan = planBody(exchange);
  const algorithm = plan.stated?.algorithm ?? wanted;
  const digests = {
    md5: service.etags === 'md5' || plan.contentMd5 !== undefined ? createHash('md5') : undefined,
    sha256: plan.payloadSha256 === undefined ? undefined : createHash('sha256'),
    checksum: algorithm === undefined ? undefined : createDigest(algorithm),
  };
  const writer = service.store.bodies.create();
  try {
    const trailers = await takeIn(exchange, plan, writer, Object.values(digests).filter(isDefined));
    const md5 = digests.md5?.digest();
    if (plan.contentMd5 !== undefined && md5?.toString('base64') !== plan.contentMd5)
      throw s3Error('BadDigest');
    if (digests.sha256?.digest('hex') !== plan.payloadSha256) throw s3Error('XAmzContentSHA256Mismatch');
    const value = digests.checksum?.digest().toString('base64');
    checkStated(plan, trailers, value);
    const etag = (service.etags === 'md5' ? md5 : undefined) ?? randomBytes(16);
    const body = await writer.finish();
    const checksum = algorithm === undefined || value === undefined ? undefined : { algorithm, value };
    return { body, etag: etag.toString('hex'), checksum };
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

function planBody(exchange: Exchange): Plan {
  const { payloadHash } = exchange.caller;
  const chunked = payloadHash.startsWith('STREAMING-');
  if (chunked && payloadHash !== STREAMING_UNSIGNED) {
    throw s3Error('NotImplemented', { Header: 'x-amz-content-sha256' }, 'Signed chunks are not implemented.');
  }
  const length = Number(
    header(exchange, chunked ? 'x-amz-decoded-content-length' : 'content-length') ?? Number.NaN,
  );
  if (!Number.isSafeInteger(length) || length < 0) throw s3Error('MissingContentLength');
  if (length > MAX_BODY) {
    throw s3Error('EntityTooLarge', { ProposedSize: length, MaxSizeAllowed: MAX_BODY });
  }
  return {
    chunked,
    length,
    payloadSha256: /^[0-9a-f]{64}$/.test(payloadHash) ? payloadHash : undefined,
    contentMd5: contentMd5(header(exchange, 'content-md5')),
    stated: statedBy(exchange),
  };
}

function contentMd5(text: string | undefined): string | undefined {
  if (text !== undefined && Buffer.from(text, 'base64').length !== 16) throw s3Error('InvalidDigest');
  return text;
}

function statedBy(exchange: Exchange): Plan['stated'] {
  const inHeaders = CHECKSUM_ALGORITHMS.filter((algorithm) =>
    exchange.request.headers.has(checksumHeader(algorithm)),
  );
  const trailer = header(exchange, 'x-amz-trailer');
  const inTrailer = trailer === undefined ? undefined : algorithmOfHeader(trailer.trim());
  if (trailer !== undefined && inTrailer === undefined) {
    throw s3Error('InvalidRequest', {}, 'The value specified in the x-amz-trailer header is not supported');
  }
  if (inHeaders.length + (inTrailer === undefined ? 0 : 1) > 1) {
    const message = 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.';
    throw s3Error('InvalidRequest', {}, message);
  }
  if (inTrailer !== undefined) return { algorithm: inTrailer, value: undefined };
  const [algorithm] = inHeaders;
  if (algorithm === undefined) return undefined;
  return { algorithm, value: statedChecksum(algorithm, header(exchange, checksumHeader(algorithm)) ?? '') };
}

function checkStated(plan: Plan, trailers: ReadonlyMap<string, string>, computed: string | undefined): void {
  if (plan.stated === undefined) return;
  const { algorithm } = plan.stated;
  const inTrailer = trailers.get(checksumHeader(algorithm));
  const value =
    plan.stated.value ?? (inTrailer === undefined ? undefined : statedChecksum(algorithm, inTrailer));
  if (value === undefined) {
    const message = 'The trailer that x-amz-trailer announces is missing from the request body.';
    throw s3Error('InvalidRequest', {}, message);
  }
  if (value !== computed) {
    throw s3Error('BadDigest', {}, `The ${algorithm} you specified did not match the calculated checksum.`);
  }
}

async function takeIn(
  exchange: Exchange,
  plan: Plan,
  writer: BodyWriter,
  digests: readonly Digest[],
): Promise<ReadonlyMap<string, string>> {
  let taken = 0;
  const take = (bytes: Buffer) => {
    taken += bytes.length;
    if (taken > plan.length) throw s3Error('IncompleteBody');
    for (const digest of digests) digest.update(bytes);
    writer.write(bytes);
  };
  const decoder = plan.chunked ? new AwsChunkedDecoder(take) : undefined;
  const { incoming } = exchange;
  writer.onRelief = () => {
    if (incoming.isPaused() && writer.backlog < BACKLOG_LIMIT) incoming.resume();
  };
  exchange.acceptBody();
  await readAll(incoming, (bytes) => {
    exchange.received(bytes.length);
    if (decoder === undefined) take(bytes);
    else decoder.push(bytes);
    if (writer.backlog >= BACKLOG_LIMIT) incoming.pause();
  });
  const trailers = decoder?.end() ?? new Map<string, string>();
  if (taken !== plan.length) throw s3Error('IncompleteBody');
  return trailers;
}

/** Feeds a body to `take`, which may pause it; rejects with what `take` throws, or with ClientGone. */
function readAll(incoming: IncomingMessage, take: (bytes: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new ClientGone());
    if (incoming.destroyed && !incoming.readableEnded) gone();
    incoming.once('error', gone);
    incoming.once('close', gone);
    incoming.once('end', resolve);
    const onData = (bytes: Buffer) => {
      try {
        take(bytes);
      } catch (error) {
        incoming.off('data', onData);
        incoming.resume();
        reject(error instanceof Error ? error : new Error('A body could not be taken', { cause: error }));
      }
    };
    incoming.on('data', onData);
  });
}

const MAX_XML = 2 * 1024 * 1024;

/** The whole of a small body as text, checked as far as its signature and its Content-MD5 or checksum say. */
export async function receiveText(exchange: Exchange): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  const contentMd5 = header(exchange, 'content-md5');
  exchange.acceptBody();
  await readAll(exchange.incoming, (bytes) => {
    exchange.received(bytes.length);
    size += bytes.length;
    if (size > MAX_XML) throw s3Error('MalformedXML');
    chunks.push(bytes);
  });
  const body = Buffer.concat(chunks);
  const { payloadHash } = exchange.caller;
  if (/^[0-9a-f]{64}$/.test(payloadHash) && createHash('sha256').update(body).digest('hex') !== payloadHash) {
    throw s3Error('XAmzContentSHA256Mismatch');
  }
  if (contentMd5 !== undefined && createHash('md5').update(body).digest('base64') !== contentMd5) {
    throw s3Error('BadDigest');
  }
  return body.toString('utf8');
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined;
}
