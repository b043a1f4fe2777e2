/** Blocks are whole pages, so that neighbours never share one. */
const PAGE = 4096;

/** A piece of the pool's memory. */
export interface Block {
  readonly bytes: Buffer;
  /** Gives the memory back; calling it again does nothing. */
  release(): void;
}

/** A block that is kept for later, as long as nothing else needs its memory. */
export interface KeptBlock {
  /** The block with what was in it, now the caller's to release; null when its memory was needed. */
  take(): Block | null;
}

interface Range {
  from: number;
  to: number;
}

interface Waiter {
  readonly bytes: number;
  readonly resolve: (block: Block) => void;
}

/**
 * Memory for parts in flight, bounded in bytes: one region taken at once and handed out in blocks, so that the bound
 * holds whatever the garbage collector does. Pages that were never written to are not resident.
 *
 * Requests that have to wait are served in order; the first one is never overtaken, so that large ones get their turn.
 */
export class BufferPool {
  readonly #region: Buffer;
  /** Free ranges in order of address, never adjacent. */
  readonly #free: Range[];
  readonly #waiting: Waiter[] = [];
  readonly #kept = new Set<Block>();

  /** @param maxBytes bytes of memory; rounded down to whole pages. */
  constructor(maxBytes: number) {
    const bytes = Math.floor(maxBytes / PAGE) * PAGE;
    if (bytes < PAGE) throw new RangeError(`a buffer pool needs at least ${PAGE} bytes`);
    this.#region = Buffer.allocUnsafeSlow(bytes);
    this.#free = [{ from: 0, to: bytes }];
  }

  /** Bytes that the pool can hand out in all. */
  get maxBytes(): number {
    return this.#region.length;
  }

  /** Bytes that are free and not kept. */
  get freeBytes(): number {
    return this.#free.reduce((sum, range) => sum + range.to - range.from, 0);
  }

  /**
   * Waits until a block of this many bytes is free.
   *
   * @throws {RangeError} for more than the pool has.
   * @throws the signal's reason when it is aborted first.
   */
  async acquire(bytes: number, signal?: AbortSignal): Promise<Block> {
    if (bytes > this.#region.length)
      throw new RangeError(`${bytes} bytes are more than the buffer pool's ${this.maxBytes}`);
    signal?.throwIfAborted();
    const block = this.#waiting.length === 0 ? this.#allocate(bytes) : null;
    return block ?? this.#wait(bytes, signal);
  }

  /** Keeps a block's content until it is taken or its memory is needed, oldest first. */
  keep(block: Block): KeptBlock {
    this.#kept.add(block);
    this.#serve();
    return { take: () => (this.#kept.delete(block) ? block : null) };
  }

  #wait(bytes: number, signal: AbortSignal | undefined): Promise<Block> {
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        this.#serve();
        reject(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      const waiter: Waiter = {
        bytes,
        resolve: (block) => {
          signal?.removeEventListener('abort', giveUp);
          resolve(block);
        },
      };
      signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiting.push(waiter);
    });
  }

  #serve(): void {
    for (let waiter = this.#waiting[0]; waiter !== undefined; waiter = this.#waiting[0]) {
      const block = this.#allocate(waiter.bytes);
      if (block === null) return;
      this.#waiting.shift();
      waiter.resolve(block);
    }
  }

  #allocate(bytes: number): Block | null {
    const length = Math.max(PAGE, Math.ceil(bytes / PAGE) * PAGE);
    for (;;) {
      const range = this.#free.find((candidate) => candidate.to - candidate.from >= length);
      if (range !== undefined) return this.#carve(range, bytes, length);
      const [oldest] = this.#kept;
      if (oldest === undefined) return null;
      this.#kept.delete(oldest);
      oldest.release();
    }
  }

  #carve(range: Range, bytes: number, length: number): Block {
    const from = range.from;
    range.from += length;
    if (range.from === range.to) this.#free.splice(this.#free.indexOf(range), 1);
    let released = false;
    return {
      bytes: this.#region.subarray(from, from + bytes),
      release: () => {
        if (released) return;
        released = true;
        this.#giveBack({ from, to: from + length });
        this.#serve();
      },
    };
  }

  #giveBack(range: Range): void {
    const after = this.#free.findIndex((candidate) => candidate.from >= range.to);
    const index = after === -1 ? this.#free.length : after;
    this.#free.splice(index, 0, range);
    this.#mergeWithNext(index);
    this.#mergeWithNext(index - 1);
  }

  #mergeWithNext(index: number): void {
    const range = this.#free[index];
    const next = this.#free[index + 1];
    if (range === undefined || next === undefined || range.to !== next.from) return;
    range.to = next.to;
    this.#free.splice(index + 1, 1);
  }
}
