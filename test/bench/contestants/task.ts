/** What every contestant does: copy `files` files of `size` bytes, at most eight at a time. */
export interface Task {
  /** Origin of the source. */
  readonly source: string;
  /** Origin of the sink. */
  readonly sink: string;
  readonly bucket: string;
  /** Bytes of each file. */
  readonly size: number;
  readonly files: number;
}

export const CREDENTIALS = { accessKeyId: 'AKIABENCH', secretAccessKey: 'bench' };

export function sourceUrl(task: Task, file: number): string {
  return `${task.source}/f${task.size}/${file}.mp4?Signature=bench`;
}

export function keyOf(file: number): string {
  return `recovered/${file}.mp4`;
}

/** Runs through the files with as many at a time as a worker would have. */
export async function eachFile(task: Task, copy: (file: number) => Promise<void>): Promise<void> {
  const queue = Array.from({ length: task.files }, (_, index) => index).values();
  const lane = async () => {
    for (const file of queue) await copy(file);
  };
  await Promise.all(Array.from({ length: Math.min(8, task.files) }, lane));
}
