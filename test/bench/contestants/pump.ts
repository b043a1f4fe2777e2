import type { Socket } from 'node:net';
import { connect } from 'node:tls';
import { eachFile, keyOf, sourceUrl, type Task } from './task.ts';

const PART_BYTES = 16 * 1024 * 1024;
const LANES = 8;
const SLICE_BYTES = 512 * 1024;
const READ_BYTES = 64 * 1024;

/**
 * The least that Node can do for the same bytes: ranged requests written by hand, read into a part's buffer and written
 * out again over kept TLS connections. No checksum, no signature, no check of any response: a limit, not a competitor.
 */
export async function run(task: Task): Promise<void> {
  if (task.files > 1) {
    const lanes = new Map<number, Lane>();
    let count = 0;
    const idle: Lane[] = [];
    await eachFile(task, async (file) => {
      const lane = idle.pop() ?? new Lane(task, task.size);
      lanes.set(count++, lane);
      await lane.pump(file, 0, task.size);
      idle.push(lane);
    });
    for (const lane of idle) lane.close();
    return;
  }
  let next = 0;
  const work = async () => {
    const lane = new Lane(task, Math.min(PART_BYTES, task.size));
    while (next < task.size) {
      const from = next;
      next = Math.min(task.size, from + PART_BYTES);
      await lane.pump(0, from, next);
    }
    lane.close();
  };
  await Promise.all(Array.from({ length: LANES }, work));
}

class Lane {
  readonly #task: Task;
  readonly #buffer: Buffer;
  readonly #scratch = Buffer.allocUnsafeSlow(READ_BYTES);
  readonly #source: Socket;
  readonly #sink: Socket;
  #body = false;
  #filled = 0;
  #length = 0;
  #onFilled: () => void = () => undefined;

  constructor(task: Task, partBytes: number) {
    this.#task = task;
    this.#buffer = Buffer.allocUnsafeSlow(partBytes);
    const options = {
      ...addressOf(task.source),
      onread: {
        buffer: () =>
          this.#body
            ? this.#buffer.subarray(this.#filled, Math.min(this.#filled + READ_BYTES, this.#length))
            : this.#scratch,
        callback: (bytes: number) => {
          this.#take(bytes);
          return true;
        },
      },
    };
    this.#source = connect(options);
    this.#sink = connect(addressOf(task.sink));
  }

  async pump(file: number, from: number, to: number): Promise<void> {
    await this.#fetch(file, from, to);
    await this.#send(file, to - from);
  }

  close(): void {
    this.#source.destroy();
    this.#sink.destroy();
  }

  #take(bytes: number): void {
    if (this.#body) {
      this.#filled += bytes;
    } else {
      const end = this.#scratch.indexOf('\r\n\r\n') + 4;
      this.#scratch.copy(this.#buffer, 0, end, bytes);
      this.#filled = bytes - end;
      this.#body = true;
    }
    if (this.#filled === this.#length) {
      this.#body = false;
      this.#onFilled();
    }
  }

  #fetch(file: number, from: number, to: number): Promise<void> {
    this.#filled = 0;
    this.#length = to - from;
    const filled = new Promise<void>((resolve) => {
      this.#onFilled = resolve;
    });
    const { pathname } = new URL(sourceUrl(this.#task, file));
    this.#source.write(
      `GET ${pathname} HTTP/1.1\r\nHost: localhost\r\nRange: bytes=${from}-${to - 1}\r\n\r\n`,
    );
    return filled;
  }

  async #send(file: number, length: number): Promise<void> {
    const responded = new Promise((resolve) => this.#sink.once('data', resolve));
    const path = `/${this.#task.bucket}/${keyOf(file)}?partNumber=1&uploadId=u`;
    this.#sink.write(`PUT ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`);
    for (let offset = 0; offset < length; offset += SLICE_BYTES) {
      const slice = this.#buffer.subarray(offset, Math.min(length, offset + SLICE_BYTES));
      if (!this.#sink.write(slice)) await new Promise((resolve) => this.#sink.once('drain', resolve));
    }
    await responded;
  }
}

function addressOf(origin: string): { host: string; port: number; servername: string; noDelay: true } {
  const url = new URL(origin);
  return { host: url.hostname, port: Number(url.port), servername: 'localhost', noDelay: true };
}
