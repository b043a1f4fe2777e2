import { createHash } from 'node:crypto';

/** MD5 of a file whose parts arrive in any order: a part waits with its buffer until those before it are in. */
export class OrderedMd5 {
  readonly #hash = createHash('md5');
  readonly #waiting = new Map<number, () => void>();
  #next = 1;
  #cancelled = false;

  /** Takes a part in when its turn comes; the bytes must stay as they are until then. Parts count from 1. */
  async add(part: number, bytes: Uint8Array): Promise<void> {
    if (part !== this.#next && !this.#cancelled) {
      await new Promise<void>((resolve) => this.#waiting.set(part, resolve));
    }
    if (this.#cancelled) return;
    this.#hash.update(bytes);
    this.#next = part + 1;
    this.#wake(this.#next);
  }

  /** Lets go of everything that waits; there will be no digest. */
  cancel(): void {
    this.#cancelled = true;
    for (const part of [...this.#waiting.keys()]) this.#wake(part);
  }

  /** Lower-case hex once all parts are in, else null. */
  digest(parts: number): string | null {
    return this.#cancelled || this.#next !== parts + 1 ? null : this.#hash.copy().digest('hex');
  }

  #wake(part: number): void {
    const resolve = this.#waiting.get(part);
    this.#waiting.delete(part);
    resolve?.();
  }
}
