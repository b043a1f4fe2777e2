/** Progress is for people: no more than one write in so many milliseconds, whatever the number of parts. */
const INTERVAL_MS = 3_000;

export interface ProgressOptions {
  /** Writes bytes to the ledger; a fault of it is dropped, since progress decides nothing. */
  readonly save: (bytesDone: number) => Promise<unknown>;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export interface Progress {
  /** Tells how many bytes are done; may or may not be written. */
  readonly report: (bytesDone: number) => void;
  /** Waits for a write that is under way. */
  readonly settled: () => Promise<void>;
}

/** Thins reports out to one write at a time, one in three seconds. */
export function createProgress({ save, now }: ProgressOptions): Progress {
  let last = now();
  let writing: Promise<unknown> | null = null;
  return {
    report: (bytesDone) => {
      if (writing !== null || now() - last < INTERVAL_MS) return;
      last = now();
      const ended = () => {
        writing = null;
      };
      writing = save(bytesDone).then(ended, ended);
    },
    settled: async () => {
      await writing;
    },
  };
}
