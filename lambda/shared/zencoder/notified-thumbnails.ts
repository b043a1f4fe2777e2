import * as v from 'valibot';
import * as schema from './notification-schema.ts';

/** An image of a thumbnail set, as Zencoder names it. */
export interface NotifiedThumbnail {
  /** Label of the set; null when the job asked for a single set without label. */
  readonly label: string | null;
  /** As written: a URL, or a path inside a package. */
  readonly url: string;
  /** Bytes. */
  readonly size: number | null;
}

/** How many images may be read, and how much of their URLs; what is beyond is counted and not read. */
export class Allowance {
  #images: number;
  #characters: number;
  #beyond = 0;

  /**
   * @param images how many.
   * @param characters of all their URLs, without the queries: what costs time is a path.
   */
  constructor(images: number, characters: number = Number.POSITIVE_INFINITY) {
    this.#images = images;
    this.#characters = characters;
  }

  /** Takes one more image, whose URL has so many characters without its query. @returns false beyond the bounds. */
  take(characters: number): boolean {
    this.#images -= 1;
    this.#characters -= characters;
    if (this.#beyond > 0 || this.#images < 0 || this.#characters < 0) this.#beyond += 1;
    return this.#beyond === 0;
  }

  /** How many were refused. */
  get beyond(): number {
    return this.#beyond;
  }
}

/** What was found where thumbnails should be. */
export interface ReadThumbnails {
  readonly thumbnails: readonly NotifiedThumbnail[];
  /** Values that are neither a set nor an image. */
  readonly unreadable: number;
}

/**
 * Reads thumbnails in every unambiguous shape: a list of sets (`{label, images}`) as notifications have it,
 * a list of images as the API has it, a single one of either, a map of them by label or position, and an image as an
 * object with `url` or as the URL itself. What is null or empty is nothing.
 */
export function readThumbnails(json: unknown, allowance: Allowance): ReadThumbnails {
  const found: Found = { images: [], unreadable: 0 };
  find(json, null, found);
  const taken = found.images.filter(({ image }) => allowance.take(pathLengthOf(image)));
  const thumbnails = taken.flatMap((image) => parseImage(image) ?? []);
  return { thumbnails, unreadable: found.unreadable + taken.length - thumbnails.length };
}

/** An image as it is written, with the label of the set that it was found in. */
interface FoundImage {
  readonly image: unknown;
  readonly label: string | null;
}

interface Found {
  readonly images: FoundImage[];
  /** Values that are neither a set nor an image. */
  unreadable: number;
}

function find(value: unknown, label: string | null, found: Found): void {
  if (isNothing(value)) return;
  if (Array.isArray(value)) {
    for (const item of value) find(item, label, found);
  } else if (isImage(value)) {
    found.images.push({ image: value, label });
  } else if (schema.isFields(value) && 'images' in value) {
    find(value.images, v.parse(schema.setLabelOrNull, value.label ?? null) ?? label, found);
  } else if (schema.isFields(value) && Object.values(value).every(isSetOrImage)) {
    for (const [name, item] of Object.entries(value)) find(item, label ?? labelOf(name), found);
  } else {
    found.unreadable += 1;
  }
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined;
}

function isImage(value: unknown): boolean {
  return isUrl(value) || (schema.isFields(value) && !isNothing(value.url));
}

/** Looks no further than is needed to tell a map by label from an object of other fields. */
function isSetOrImage(value: unknown): boolean {
  return isUrl(value) || (typeof value === 'object' && value !== null);
}

/** A name that only counts is no label. */
function labelOf(name: string): string | null {
  const label = v.parse(schema.setLabelOrNull, name);
  return label === null || /^[0-9]{1,6}$/.test(label) ? null : label;
}

function isUrl(value: unknown): boolean {
  return typeof value === 'string' && /^\s{0,9}https?:/i.test(value);
}

/** Characters of an image's URL up to its query; 0 for what has none. */
function pathLengthOf(image: unknown): number {
  const url = schema.isFields(image) ? image.url : image;
  if (typeof url !== 'string') return 0;
  const query = url.indexOf('?');
  return query === -1 ? url.length : query;
}

function parseImage({ image, label }: FoundImage): NotifiedThumbnail | null {
  const parsed = v.safeParse(schema.thumbnailImage, schema.isFields(image) ? image : { url: image });
  if (!parsed.success || !parsed.output.url) return null;
  const { url, file_size_bytes, file_size_in_bytes, group_label } = parsed.output;
  return { label: label ?? group_label, url, size: file_size_bytes ?? file_size_in_bytes };
}
