import { composed } from '../shared/runtime/redact.ts';
import type { BackupFile, JobInfo, OutputInfo } from '../shared/zencoder/model.ts';

/** Unique without any setting: ids tell outputs apart, role and set label tell an output's files apart. */
export const DEFAULT_KEY_TEMPLATE =
  'zencoder-recovery/{job_id}/{output_id}/{role}/{thumbnail_label}/{filename}';

/** S3's limit for a key, in bytes of UTF-8. */
const MAX_KEY_BYTES = 1024;

/** What a key is made of. */
export interface KeySource {
  readonly job: JobInfo;
  readonly output: OutputInfo;
  readonly file: BackupFile;
  /** Digest of the bucket and key that the URL names; see `fileIdOf`. */
  readonly fileId: string;
}

/** A template that names a placeholder that does not exist, or would give every file the same key. */
export class InvalidKeyTemplate extends Error {
  override readonly name = 'InvalidKeyTemplate';
}

const placeholders: Readonly<Record<string, (source: KeySource) => string | null>> = {
  job_id: ({ job }) => job.id,
  output_id: ({ output }) => output.id,
  label: ({ output }) => output.label,
  role: ({ file }) => file.role,
  thumbnail_label: ({ file }) => file.thumbnailLabel,
  filename: ({ file }) => file.filename,
  basename: ({ file }) => splitExtension(file.filename).stem,
  extension: ({ file }) => splitExtension(file.filename).extension.slice(1),
  file_id: ({ fileId }) => fileId,
};

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'value'; readonly name: string }
  /** `{pass_through}` (empty path) or `{pass_through.a.b}`. */
  | { readonly kind: 'pass-through'; readonly path: readonly string[] };

/** A parsed template; see {@link parseKeyTemplate}. */
export type KeyTemplate = readonly Piece[];

/**
 * Reads a key template such as `{pass_through.tenant}/{job_id}/{output_id}/{filename}`.
 *
 * Placeholders: `{job_id}`, `{output_id}`, `{label}`, `{role}`, `{thumbnail_label}`, `{filename}`, `{basename}`,
 * `{extension}`, `{file_id}`, `{pass_through}` and, when `pass_through` is a JSON object, `{pass_through.name}` with
 * further dots for nested objects.
 *
 * @throws {InvalidKeyTemplate} on unknown placeholders, stray braces, and a template without any file name, by which
 * all files of an output would meet under one key.
 */
export function parseKeyTemplate(template: string): KeyTemplate {
  const pieces = template.split(/(\{[^{}]*\})/).filter((part) => part !== '');
  const parsed = pieces.map(parsePiece);
  const names = parsed.flatMap((piece) => (piece.kind === 'value' ? [piece.name] : []));
  if (!names.some((name) => name === 'filename' || name === 'basename' || name === 'file_id')) {
    throw new InvalidKeyTemplate(
      `key template "${template}" gives all files of an output the same key: it needs {filename}, {basename} or {file_id}`,
    );
  }
  return parsed;
}

function parsePiece(part: string): Piece {
  const name = /^\{(.*)\}$/.exec(part)?.[1];
  if (name === undefined) {
    if (/[{}]/.test(part))
      throw new InvalidKeyTemplate(`key template has a brace without its partner at "${part}"`);
    return { kind: 'text', text: part };
  }
  if (name === 'pass_through') return { kind: 'pass-through', path: [] };
  if (/^pass_through(\.[^.]+)+$/.test(name)) return { kind: 'pass-through', path: name.split('.').slice(1) };
  if (Object.hasOwn(placeholders, name)) return { kind: 'value', name };
  const known = [...Object.keys(placeholders), 'pass_through', 'pass_through.<name>'].map(
    (known) => `{${known}}`,
  );
  throw new InvalidKeyTemplate(
    `key template has the unknown placeholder {${name}}; known are ${known.join(', ')}`,
  );
}

/**
 * The keys of an output's files, in their order. Files that the template cannot tell apart get their file id before
 * the extension, so that none is taken for another. A file named twice is one file.
 */
export function keysOf(template: KeyTemplate, sources: readonly KeySource[]): string[] {
  const plain = sources.map((source) => keyOf(template, source));
  const uses = new Map<string, Set<string>>();
  for (const [index, { fileId }] of sources.entries()) {
    const key = plain[index] ?? '';
    uses.set(key, (uses.get(key) ?? new Set()).add(fileId));
  }
  return plain.map((key, index) => {
    const source = sources[index];
    const isShared = (uses.get(key)?.size ?? 0) > 1;
    return isShared && source !== undefined ? withSuffix(key, source.fileId) : key;
  });
}

/**
 * The key of a file whose first one holds the object of another file: with the file id before the extension.
 *
 * @returns null when the key ends with the file id already: there is no third one.
 */
export function secondKeyOf(key: string, fileId: string): string | null {
  const ending = `-${fileId}`;
  // Where a long key was cut, its extension may be gone.
  const hasId = key.endsWith(ending) || splitExtension(key).stem.endsWith(ending);
  return hasId ? null : withSuffix(key, fileId);
}

function keyOf(template: KeyTemplate, source: KeySource): string {
  const text = template.map((piece) => rendered(piece, source)).join('');
  const segments = text.split('/').filter((segment) => segment !== '' && segment !== '.' && segment !== '..');
  return fitted(segments.join('/'), source.fileId);
}

function rendered(piece: Piece, source: KeySource): string {
  switch (piece.kind) {
    case 'text':
      return piece.text;
    case 'value':
      return safe(placeholders[piece.name]?.(source) ?? '');
    case 'pass-through':
      // Slashes are the customer's own here, and mean folders.
      return passThroughValue(source.job.passThrough, piece.path).split('/').map(safe).join('/');
  }
}

function passThroughValue(passThrough: string | null, path: readonly string[]): string {
  if (passThrough === null || path.length === 0) return passThrough ?? '';
  const found = path.reduce<unknown>(
    (value, name) => (isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined),
    parsedOrUndefined(passThrough),
  );
  return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean'
    ? String(found)
    : '';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsedOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Letters and digits of any script and the punctuation that AWS calls safe in keys; the rest becomes a dash. A value
 * can neither open a folder nor climb out of one.
 */
function safe(value: string): string {
  const cleaned = composed(value).replace(/[^\p{L}\p{N}\p{M}!_.*'()@=+-]+/gu, '-');
  return /^\.{1,2}$/.test(cleaned) ? cleaned.replaceAll('.', '-') : cleaned;
}

function fitted(key: string, fileId: string): string {
  if (Buffer.byteLength(key) <= MAX_KEY_BYTES) return key;
  const { extension } = splitExtension(key);
  const ending = `-${fileId}${Buffer.byteLength(extension) <= 32 ? extension : ''}`;
  return truncated(key, MAX_KEY_BYTES - Buffer.byteLength(ending)) + ending;
}

function truncated(text: string, maxBytes: number): string {
  // A cut inside a character decodes to U+FFFD, which the next line takes off again.
  return Buffer.from(text)
    .subarray(0, maxBytes)
    .toString()
    .replace(/\uFFFD+$/, '');
}

function withSuffix(key: string, suffix: string): string {
  const { stem, extension } = splitExtension(key);
  return fitted(`${stem}-${suffix}${extension}`, suffix);
}

function splitExtension(name: string): { stem: string; extension: string } {
  const extension = /[^/]\.(?<extension>[^./]+)$/.exec(name)?.groups?.extension;
  return extension === undefined
    ? { stem: name, extension: '' }
    : { stem: name.slice(0, -extension.length - 1), extension: `.${extension}` };
}
