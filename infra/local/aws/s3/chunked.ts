import { s3Error } from './errors.ts';

const CR = 13;
const LF = 10;
const MAX_LINE = 8192;
/** S3 refuses smaller chunks before the last one. */
const SMALLEST_CHUNK = 8192;
const CHUNK_HEADER = /^([0-9a-fA-F]{1,16})(?:;.*)?$/;

type State = 'header' | 'data' | 'data-end' | 'trailers' | 'done';

/**
 * Decodes an `aws-chunked` body (unsigned chunks, trailers) that arrives in pieces of any size, without copying: data
 * goes to `onData` as slices of what came in.
 */
export class AwsChunkedDecoder {
  readonly #onData: (bytes: Buffer) => void;
  readonly #trailers = new Map<string, string>();
  #state: State = 'header';
  #line = '';
  /** Bytes of the present chunk still to come. */
  #left = 0;
  #chunks = 0;
  #smallChunk: number | undefined;

  constructor(onData: (bytes: Buffer) => void) {
    this.#onData = onData;
  }

  /** @throws S3Error IncompleteBody, InvalidChunkSizeError */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'data') at = this.#takeData(bytes, at);
      else if (this.#state === 'done') throw malformed('bytes after the last chunk');
      else at = this.#takeLine(bytes, at);
    }
  }

  /**
   * Ends the body and returns its trailers, names in lower case.
   * @throws S3Error IncompleteBody when the last chunk has not come
   */
  end(): ReadonlyMap<string, string> {
    if (this.#state !== 'done') throw malformed('no last chunk');
    return this.#trailers;
  }

  #takeData(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#onData(bytes.subarray(at, end));
    this.#left -= end - at;
    if (this.#left === 0) this.#state = 'data-end';
    return end;
  }

  #takeLine(bytes: Buffer, at: number): number {
    const newline = bytes.indexOf(LF, at);
    const end = newline === -1 ? bytes.length : newline + 1;
    this.#line += bytes.toString('latin1', at, end);
    if (this.#line.length > MAX_LINE) throw malformed('a line is too long');
    if (newline === -1) return end;
    if (this.#line.charCodeAt(this.#line.length - 2) !== CR) throw malformed('a line ends without CR');
    const line = this.#line.slice(0, -2);
    this.#line = '';
    this.#lineEnded(line);
    return end;
  }

  #lineEnded(line: string): void {
    if (this.#state === 'header') this.#startChunk(line);
    else if (this.#state === 'data-end') this.#endChunk(line);
    else if (line === '') this.#state = 'done';
    else this.#addTrailer(line);
  }

  #startChunk(line: string): void {
    const size = Number.parseInt(CHUNK_HEADER.exec(line)?.[1] ?? '', 16);
    if (!Number.isSafeInteger(size)) throw malformed('a chunk has no size');
    if (size > 0 && this.#smallChunk !== undefined) {
      throw s3Error('InvalidChunkSizeError', { Chunk: this.#chunks + 1, BadChunkSize: this.#smallChunk });
    }
    this.#chunks += 1;
    this.#left = size;
    this.#state = size === 0 ? 'trailers' : 'data';
    if (size < SMALLEST_CHUNK) this.#smallChunk = size;
  }

  #endChunk(line: string): void {
    if (line !== '') throw malformed('a chunk is longer than its size');
    this.#state = 'header';
  }

  #addTrailer(line: string): void {
    const colon = line.indexOf(':');
    if (colon < 1) throw malformed('a trailer has no name');
    this.#trailers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
}

function malformed(what: string) {
  return s3Error('IncompleteBody', {}, `The aws-chunked request body is not well formed: ${what}.`);
}
