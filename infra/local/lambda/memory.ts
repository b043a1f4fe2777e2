/** What Node itself takes in Lambda before any code of the function, roughly. */
const RUNTIME_BYTES = 50 * 1024 * 1024;
const SAMPLE_MILLISECONDS = 50;

/** Measures the memory of one invocation. */
export interface MemoryMeter {
  start(): void;
  /** Ends the measurement; gives the highest sample in bytes. */
  stop(): number;
}

/**
 * Watches the memory of this thread against the function's size, as Lambda does for the whole environment.
 *
 * A thread's heap can be limited by V8 but its buffers cannot, and buffers are what a copy is made of: so heap and
 * buffers are sampled, and `exceeded` is called once when their sum (with a fixed share for Node) is over the size.
 * It is an estimate: a peak shorter than the sampling interval is missed, and so is whatever a loop allocates that never
 * lets the event loop turn. V8 ends such a thread at its heap limit, and the whole process if it grows too fast for that.
 */
export function createMemoryMeter(megabytes: number, exceeded: (bytes: number) => void): MemoryMeter {
  const limit = megabytes * 1024 * 1024;
  let peak = 0;
  let timer: NodeJS.Timeout | undefined;
  const sample = () => {
    const { heapUsed, external } = process.memoryUsage();
    const bytes = RUNTIME_BYTES + heapUsed + external;
    if (bytes > limit && peak <= limit) exceeded(bytes);
    peak = Math.max(peak, bytes);
  };
  return {
    start() {
      peak = 0;
      sample();
      timer = setInterval(sample, SAMPLE_MILLISECONDS).unref();
    },
    stop() {
      clearInterval(timer);
      sample();
      return peak;
    },
  };
}
