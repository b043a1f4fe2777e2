import { readdirSync, readFileSync } from 'node:fs';

const FOLDER = new URL('../fixtures/notifications/', import.meta.url);

/** File names of all sample payloads, in order. */
export const SAMPLES: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .toSorted();

/** The text of the sample whose file name begins with this number, e.g. `'02'`. */
export function sampleText(number: string): string {
  const name = SAMPLES.find((candidate) => candidate.startsWith(`${number}-`));
  if (name === undefined) throw new Error(`no sample ${number}`);
  return readFileSync(new URL(name, FOLDER), 'utf8');
}
