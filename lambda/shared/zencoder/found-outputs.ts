import { type Fields, isFields } from './notification-schema.ts';

/** The values of a body that should be outputs, wherever they stand. */
export interface FoundOutputs {
  readonly kind: 'output' | 'job';
  /** The same output may be there more than once. */
  readonly items: readonly unknown[];
  /** Places that hold something else than outputs. */
  readonly unreadable: number;
  /** Names the first place with items, for the response. */
  readonly where: string;
}

/** Each name under which a list of outputs has been seen, the notification's own first. */
const LISTS = ['outputs', 'output_media_files'] as const;

/**
 * Looks for outputs in every place where notifications and API responses have them, and collects all: a list may
 * be empty beside an `output` that is not. A single output in place of a list, a list in place of an output, and a map
 * of outputs are read as what they plainly are.
 *
 * @returns null when the body has no such place, or nothing readable in any.
 */
export function findOutputs(body: Fields, job: Fields): FoundOutputs | null {
  const places = [
    ...LISTS.map((name) => ({ name, value: body[name] })),
    ...LISTS.map((name) => ({ name: `job.${name}`, value: job[name] })),
    { name: 'output', value: body.output },
  ].filter(({ value }) => value !== null && value !== undefined);
  const found = places.map(({ name, value }) => ({ name, value, items: itemsOf(value) }));
  const filled = found.filter(({ items }) => items.length > 0);
  // An empty list says that there is nothing; an empty list in place of the one output says nothing.
  const empty = found.filter(
    ({ name, value, items }) => name !== 'output' && Array.isArray(value) && items.length === 0,
  );
  const [first] = filled;
  if (first === undefined && empty.length === 0) return null;
  return {
    kind: filled.length > 0 && filled.every(({ name }) => name === 'output') ? 'output' : 'job',
    items: filled.flatMap(({ items }) => items),
    unreadable: found.length - filled.length - empty.length,
    where:
      first === undefined || first.items.length === 1 ? (first?.name ?? '') : `an element of ${first.name}`,
  };
}

/** True when the body has no word of outputs at all, as a job that ended before any was made. */
export function isWithoutOutputs(body: Fields, job: Fields): boolean {
  return [body.output, ...LISTS.flatMap((name) => [body[name], job[name]])].every(
    (value) => value === null || value === undefined,
  );
}

function itemsOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (!isFields(value)) return [];
  const entries = Object.values(value);
  const isMap = entries.length > 0 && entries.every((entry) => isFields(entry) && entry.id !== undefined);
  return isMap && value.id === undefined ? entries : [value];
}
