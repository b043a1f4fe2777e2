import { posix } from 'node:path';
import {
  filesOf,
  type Job,
  type NamedFile,
  type Output,
  type OutputRequest,
  type Place,
  type PlacedFile,
  type ThumbnailRequest,
  type UploadProblem,
} from './job.ts';
import { type FileSource, readSource, type SourceFile } from './source.ts';
import { type BackupStorage, StorageRefused } from './storage.ts';
import { PrimaryUploadFailed } from './upload-errors.ts';
import { type PrimaryOptions, uploadToPrimary } from './uploads.ts';

/** A file that a job placed somewhere, and whose it is. */
export interface ReportedFile extends PlacedFile {
  readonly jobId: string;
  readonly outputId: string;
  readonly label: string | null;
  readonly role: 'media' | 'thumbnail';
  readonly thumbnailLabel: string | null;
  /** Where the file is, without a signature. */
  readonly address: string;
}

/** All files of a job, output by output, the media file first. */
export function reportFiles(job: Job, storage: BackupStorage): ReportedFile[] {
  return job.outputs.flatMap((output) => {
    const report = (
      file: PlacedFile,
      role: ReportedFile['role'],
      thumbnailLabel: string | null,
    ): ReportedFile => ({
      ...file,
      jobId: String(job.id),
      outputId: String(output.id),
      label: output.label,
      role,
      thumbnailLabel,
      address: file.place.kind === 'storage' ? storage.addressOf(file.place.key) : file.place.url,
    });
    const thumbnails = output.thumbnails.flatMap((set) =>
      set.images.map((image) => report(image, 'thumbnail', set.label)),
    );
    return output.file === null ? thumbnails : [report(output.file, 'media', null), ...thumbnails];
  });
}

export interface Transfers {
  readonly primary: PrimaryOptions;
  readonly storage: BackupStorage;
  readonly now: () => number;
}

/**
 * Brings the files of an output to where they belong, or failing that to Zencoder's storage, and writes down in the
 * output what happened. An output whose files can be stored nowhere is `failed`.
 */
export async function placeOutput(
  request: OutputRequest,
  output: Output,
  transfers: Transfers,
): Promise<void> {
  output.state = 'processing';
  try {
    if (request.transcodingError === undefined) {
      await placeFiles(request, output, transfers);
      output.state = 'finished';
    } else {
      output.state = 'failed';
      output.failure = request.transcodingError;
    }
  } catch (error) {
    if (!(error instanceof StorageRefused)) throw error;
    output.state = 'failed';
    output.failure = output.mediaFailure ?? output.thumbnailFailure ?? error.problem;
    output.file = null;
    output.thumbnails = [];
    output.mediaFailure = null;
    output.thumbnailFailure = null;
  }
  output.finishedAt = transfers.now();
  output.backupServerUsed =
    (output.mediaFailure !== null || output.thumbnailFailure !== null) &&
    filesOf(output).some(({ place }) => place.kind !== 'primary');
}

async function placeFiles(request: OutputRequest, output: Output, transfers: Transfers): Promise<void> {
  const forMedia = new Route(transfers);
  await placeMedia(request, output, forMedia);
  const forThumbnails = request.transfers === 'at-once' ? new Route(transfers) : forMedia;
  const sets = [];
  for (const set of request.thumbnails ?? []) {
    sets.push({
      label: set.label ?? null,
      dimensions: set.dimensions ?? '160x90',
      images: await placeImages(set, output, forThumbnails),
    });
  }
  output.thumbnails = sets;
}

async function placeMedia(request: OutputRequest, output: Output, route: Route): Promise<void> {
  const file = await readSource(request.file);
  const segments = await Promise.all((request.segments ?? []).map(named));
  const packed = request.package === undefined ? null : await readSource(request.package);
  if (request.type === 'segmented' && packed === null) {
    throw new Error('a segmented output needs its `package`: on Zencoder storage it is one ZIP');
  }
  const name = baseName(request, packed !== null);
  output.statedSize = file.size + segments.reduce((sum, segment) => sum + segment.file.size, 0);
  output.statedMd5 = request.md5 === true ? file.md5 : null;
  const { placed, problem } = await route.place({
    name,
    parts: [{ url: request.url, file }, ...segments.map((part) => beside(request.url, part))],
    ...(request.secondaryUrl === undefined ? {} : { secondaryUrl: request.secondaryUrl }),
    stored: packed ?? file,
    keepsName: false,
  });
  output.file = placed;
  output.mediaFailure = problem;
}

async function placeImages(set: ThumbnailRequest, output: Output, route: Route): Promise<PlacedFile[]> {
  const images = [];
  for (const image of await Promise.all(set.files.map(named))) {
    const url = set.baseUrl === undefined ? undefined : `${set.baseUrl.replace(/\/$/, '')}/${image.name}`;
    const { placed, problem } = await route.place({
      name: image.name,
      parts: [{ url, file: image.file }],
      stored: image.file,
      keepsName: true,
    });
    images.push(placed);
    output.thumbnailFailure ??= problem;
  }
  return images;
}

interface Upload {
  readonly name: string;
  /** The file itself and what has to lie beside it. A missing URL means temporary storage from the start. */
  readonly parts: readonly { readonly url: string | undefined; readonly file: SourceFile }[];
  readonly secondaryUrl?: string;
  /** What Zencoder's storage holds instead: the file itself, or its package. */
  readonly stored: SourceFile;
  /** Thumbnails keep their base name on Zencoder's storage, media files do not. */
  readonly keepsName: boolean;
}

/** The route of one output's files: from the first failed transfer on, Zencoder's own storage. */
class Route {
  #broken = false;
  readonly #transfers: Transfers;

  constructor(transfers: Transfers) {
    this.#transfers = transfers;
  }

  async place(upload: Upload): Promise<{ placed: PlacedFile; problem: UploadProblem | null }> {
    const first = upload.parts[0];
    if (first === undefined || first.url === undefined || this.#broken) {
      return { placed: await this.#store(upload), problem: null };
    }
    try {
      const url = await this.#upload(upload.parts);
      return { placed: asPlaced(upload.name, first.file, { kind: 'primary', url }), problem: null };
    } catch (error) {
      if (!(error instanceof PrimaryUploadFailed)) throw error;
      this.#broken = true;
      const { errorClass, message, link } = error;
      const problem = { errorClass, message, link };
      return { placed: (await this.#second(upload)) ?? (await this.#store(upload, problem)), problem };
    }
  }

  async #upload(parts: Upload['parts']): Promise<string> {
    const urls = [];
    for (const { url, file } of parts) {
      if (url !== undefined) urls.push(await uploadToPrimary(url, file, this.#transfers.primary));
    }
    return urls[0] ?? '';
  }

  async #second(upload: Upload): Promise<PlacedFile | null> {
    const { secondaryUrl } = upload;
    const first = upload.parts[0];
    if (secondaryUrl === undefined || first === undefined) return null;
    try {
      const url = await uploadToPrimary(secondaryUrl, first.file, this.#transfers.primary);
      return asPlaced(upload.name, first.file, { kind: 'secondary', url });
    } catch (error) {
      if (error instanceof PrimaryUploadFailed) return null;
      throw error;
    }
  }

  async #store(upload: Upload, problem: UploadProblem | null = null): Promise<PlacedFile> {
    const { storage, now } = this.#transfers;
    const key = await storage.put(upload.name, upload.keepsName, upload.stored, now(), problem);
    return asPlaced(upload.name, upload.stored, { kind: 'storage', key });
  }
}

function asPlaced(name: string, file: SourceFile, place: Place): PlacedFile {
  return { name, place, size: file.size, md5: file.md5, sha256: file.sha256 };
}

async function named(part: NamedFile): Promise<{ name: string; file: SourceFile }> {
  return { name: part.name, file: await readSource(part.file) };
}

function beside(url: string | undefined, part: { name: string; file: SourceFile }) {
  if (url === undefined) return { url, file: part.file };
  return { url: `${url.slice(0, url.lastIndexOf('/'))}/${part.name}`, file: part.file };
}

function baseName(request: OutputRequest, packed: boolean): string {
  if (packed) return 'package.zip';
  const path = request.url === undefined ? pathOf(request.file) : new URL(request.url).pathname;
  return posix.basename(path).includes('.') ? posix.basename(path) : 'media.mp4';
}

function pathOf(source: FileSource): string {
  if (source instanceof URL) return source.pathname;
  return typeof source === 'string' ? source : '';
}
