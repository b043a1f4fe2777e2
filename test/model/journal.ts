/** What a run records: its trace, and every promise that it found broken. */
export class Journal {
  readonly trace: string[] = [];
  readonly #faults = new Set<string>();
  readonly #elapsedMs: () => number;

  /** @param elapsedMs since the run began, by the model's time. */
  constructor(elapsedMs: () => number) {
    this.#elapsedMs = elapsedMs;
  }

  get faults(): readonly string[] {
    return [...this.#faults];
  }

  log(line: string): void {
    this.trace.push(`+${Math.round(this.#elapsedMs() / 1000)} s  ${line}`);
  }

  /** Records a broken promise; one that is known already appears once in the trace. */
  fault(fault: string): void {
    if (!this.#faults.has(fault)) this.log(`FAULT: ${fault}`);
    this.#faults.add(fault);
  }

  /** The logger of a process, whose warnings and errors appear in the trace. */
  loggerOf(name: string) {
    const log =
      (level: string) =>
      (input: unknown, ...details: unknown[]) => {
        this.log(`  ${name} ${level}: ${String(input)} ${JSON.stringify(details)}`.slice(0, 260));
      };
    return {
      info: () => undefined,
      warn: log('warns'),
      error: log('reports'),
      appendKeys: () => undefined,
      resetKeys: () => undefined,
    };
  }
}
