import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import type { ByteRange } from './request.ts';

/** Bytes of an object or part on disk; the id is a file's name, empty when only the size is kept. */
export interface StoredBody {
  readonly id: string;
  readonly size: number;
}

/** Bytes are written in batches of this size, one system call each. */
const WRITE_BATCH = 1024 * 1024;
const READ_CHUNK = 512 * 1024;

/** The files that hold bytes. Each is written once and never changed, so readers need no lock. */
export class Bodies {
  readonly #dir: string;
  readonly #keep: boolean;
  readonly #readers = new Map<string, number>();
  readonly #condemned = new Set<string>();
  readonly #unlinking = new Set<Promise<void>>();

  /** @param keep false: bytes are counted and thrown away */
  constructor(dir: string, keep: boolean) {
    mkdirSync(dir, { recursive: true });
    this.#dir = dir;
    this.#keep = keep;
  }

  create(): BodyWriter {
    return new BodyWriter(this.#keep ? { id: randomUUID(), dir: this.#dir } : undefined);
  }

  /** Deletes files that nothing refers to any more, each once its last reader has ended. */
  discard(bodies: readonly StoredBody[]): void {
    for (const { id } of bodies) {
      if (id === '') continue;
      if (this.#readers.has(id)) this.#condemned.add(id);
      else this.#unlink(id);
    }
  }

  /** Deletes what a killed server left half written. */
  sweep(known: ReadonlySet<string>): void {
    for (const id of readdirSync(this.#dir)) if (!known.has(id)) this.#unlink(id);
  }

  /** Writes a range of the concatenation of `bodies` and reports bytes written; rejects when the reader has gone. */
  async send(
    bodies: readonly StoredBody[],
    range: ByteRange,
    to: Writable,
    onSent: (bytes: number) => void,
  ): Promise<void> {
    const pieces = [...overlapping(bodies, range)];
    for (const { id } of pieces) this.#readers.set(id, (this.#readers.get(id) ?? 0) + 1);
    try {
      for (const piece of pieces) await sendFile(join(this.#dir, piece.id), piece, to, onSent);
    } finally {
      for (const { id } of pieces) this.#release(id);
    }
  }

  /** Waits for deletions under way. */
  async settled(): Promise<void> {
    await Promise.all(this.#unlinking);
  }

  #release(id: string): void {
    const left = (this.#readers.get(id) ?? 1) - 1;
    if (left > 0) {
      this.#readers.set(id, left);
      return;
    }
    this.#readers.delete(id);
    if (this.#condemned.delete(id)) this.#unlink(id);
  }

  #unlink(id: string): void {
    const done = unlink(join(this.#dir, id))
      .catch(() => {})
      .finally(() => this.#unlinking.delete(done));
    this.#unlinking.add(done);
  }
}

function* overlapping(bodies: readonly StoredBody[], { start, end }: ByteRange) {
  let offset = 0;
  for (const { id, size } of bodies) {
    const from = Math.max(start - offset, 0);
    const to = Math.min(end - offset, size - 1);
    if (from <= to) yield { id, start: from, end: to };
    offset += size;
    if (offset > end) return;
  }
}

/** Two buffers take turns: while one is on the socket, the other is filled. */
async function sendFile(
  path: string,
  { start, end }: ByteRange,
  to: Writable,
  onSent: (bytes: number) => void,
): Promise<void> {
  const file = await open(path, 'r');
  try {
    const size = Math.min(READ_CHUNK, end - start + 1);
    const buffers = [Buffer.allocUnsafe(size), Buffer.allocUnsafe(size)];
    const sent: [Promise<void>, Promise<void>] = [Promise.resolve(), Promise.resolve()];
    for (let at = start, turn = 0; at <= end; turn = 1 - turn) {
      await sent[turn === 0 ? 0 : 1];
      const buffer = buffers[turn] ?? Buffer.alloc(0);
      const { bytesRead } = await file.read(buffer, 0, Math.min(size, end - at + 1), at);
      if (bytesRead === 0) throw new Error(`A stored body is shorter than recorded: ${path}`);
      const written = write(to, buffer.subarray(0, bytesRead)).then(() => onSent(bytesRead));
      written.catch(() => {});
      sent[turn === 0 ? 0 : 1] = written;
      at += bytesRead;
    }
    await Promise.all(sent);
  } finally {
    await file.close();
  }
}

/** A socket that closes calls back with an error or, when a reset overtook the write, not at all: hence `close`. */
function write(to: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error('The reader has gone'));
    if (to.destroyed) {
      gone();
      return;
    }
    to.once('close', gone);
    to.write(bytes, (error) => {
      to.off('close', gone);
      if (error) reject(error);
      else resolve();
    });
  });
}

/**
 * Writes one body in order. `write` only queues; its caller holds back while `backlog` is large and goes on when
 * `onRelief` is called.
 */
export class BodyWriter {
  onRelief: () => void = () => {};
  readonly #path: string | undefined;
  readonly #id: string;
  #file: FileHandle | undefined;
  #queue: Buffer[] = [];
  #queued = 0;
  #written = 0;
  #size = 0;
  #flushing: Promise<void> = Promise.resolve();
  #busy = false;
  #failure: Error | undefined;

  constructor(target: { id: string; dir: string } | undefined) {
    this.#id = target?.id ?? '';
    this.#path = target === undefined ? undefined : join(target.dir, target.id);
  }

  /** Bytes taken and not yet on disk. */
  get backlog(): number {
    return this.#path === undefined || this.#failure !== undefined ? 0 : this.#size - this.#written;
  }

  write(bytes: Buffer): void {
    this.#size += bytes.length;
    if (this.#path === undefined || this.#failure !== undefined) return;
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (this.#queued >= WRITE_BATCH) this.#flush();
  }

  /** Puts what is queued on disk and returns the finished body; rejects when the disk refused some of it. */
  async finish(): Promise<StoredBody> {
    if (this.#path === undefined) return { id: '', size: this.#size };
    await this.#flushing;
    this.#flush();
    await this.#flushing;
    await this.#file?.close();
    if (this.#failure !== undefined) throw this.#failure;
    return { id: this.#id, size: this.#size };
  }

  /** Ends the writing and deletes the file. */
  async discard(): Promise<void> {
    this.#queue = [];
    await this.#flushing;
    await this.#file?.close().catch(() => {});
    if (this.#path !== undefined) await unlink(this.#path).catch(() => {});
  }

  #flush(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#flushing = this.#writeQueue()
      .catch((cause: unknown) => {
        this.#failure ??= new Error('A body could not be written', { cause });
      })
      .finally(() => {
        this.#busy = false;
        this.onRelief();
      });
  }

  async #writeQueue(): Promise<void> {
    if (this.#path === undefined) return;
    this.#file ??= await open(this.#path, 'wx');
    do {
      let buffers = this.#queue;
      this.#queue = [];
      this.#queued = 0;
      while (buffers.length > 0) {
        const { bytesWritten } = await this.#file.writev(buffers, this.#written);
        this.#written += bytesWritten;
        buffers = after(buffers, bytesWritten);
      }
      this.onRelief();
    } while (this.#queued >= WRITE_BATCH);
  }
}

/** What is left of `buffers` after their first `bytes`. */
function after(buffers: Buffer[], bytes: number): Buffer[] {
  let left = bytes;
  for (const [index, buffer] of buffers.entries()) {
    if (left < buffer.length) return [buffer.subarray(left), ...buffers.slice(index + 1)];
    left -= buffer.length;
  }
  return [];
}
