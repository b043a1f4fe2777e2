import { type MediaFields, mediaFieldsOf } from './media-fields.ts';
import type { FileSource } from './source.ts';

/** A job for the stand-in; the parts of Zencoder's create request that matter to uploads. */
export interface JobRequest {
  readonly outputs: readonly OutputRequest[];
  /** Up to 255 characters. @default null */
  readonly passThrough?: string;
  /** @default false */
  readonly test?: boolean;
  /** Which notifications are posted. @default 'output' */
  readonly notifications?: 'output' | 'job' | 'both' | 'none';
  /** Where to, with Basic credentials in the URL. @default the stand-in's own `notificationUrls` */
  readonly notificationUrls?: readonly string[];
  /** Signature of the backup URLs: SigV2 is what Zencoder used until about 2016. @default 'v4' */
  readonly signature?: SignatureVersion;
}

export type SignatureVersion = 'v2' | 'v4';

export interface OutputRequest {
  /** @default null */
  readonly label?: string;
  /** @default 'standard' */
  readonly type?: 'standard' | 'segmented' | 'playlist' | 'captions' | 'transfer-only';
  /** Primary destination. Without one the files go to Zencoder's temporary storage, which is no failure. */
  readonly url?: string;
  /** Tried when the upload to `url` fails, before Zencoder's own backup server. */
  readonly secondaryUrl?: string;
  /** The media file; for a segmented output its playlist. */
  readonly file: FileSource;
  /** Segments of a segmented output, uploaded beside the playlist. */
  readonly segments?: readonly NamedFile[];
  /** The ZIP that a segmented output becomes on Zencoder's storage. Required there for type `segmented`. */
  readonly package?: FileSource;
  readonly thumbnails?: readonly ThumbnailRequest[];
  /** State the MD5 of the media. @default false */
  readonly md5?: boolean;
  /** Overrides of the media fields that notifications state (`width`, `video_codec`, …). */
  readonly media?: MediaFields;
  /**
   * Zencoder documents that after the first transfer error of an output its remaining files go to the backup server;
   * recorded payloads also show both kinds of error on one output. `in-turn` simulates the former, `at-once` lets media
   * and thumbnails each meet an error of their own.
   * @default 'in-turn'
   */
  readonly transfers?: 'in-turn' | 'at-once';
  /** Lets the output fail in transcoding: nothing is uploaded anywhere. */
  readonly transcodingError?: UploadProblem;
}

export interface NamedFile {
  readonly name: string;
  readonly file: FileSource;
}

export interface ThumbnailRequest {
  /** @default null */
  readonly label?: string;
  /** Base names such as `frame_0000.png`. */
  readonly files: readonly NamedFile[];
  /** Folder at the customer's destination; without one the thumbnails go to temporary storage. */
  readonly baseUrl?: string;
  /** As notifications state them. @default '160x90' */
  readonly dimensions?: string;
}

/** An error in Zencoder's terms. */
export interface UploadProblem {
  readonly errorClass: string;
  readonly message: string;
  readonly link: string;
}

/** Where a file ended up; only `storage` files have signed URLs. */
export type Place =
  | { readonly kind: 'primary' | 'secondary'; readonly url: string }
  | { readonly kind: 'storage'; readonly key: string };

/** A file after its upload. */
export interface PlacedFile {
  readonly name: string;
  readonly place: Place;
  /** Bytes of this very file, e.g. of the ZIP. */
  readonly size: number;
  /** Lower-case hex digests of this very file. */
  readonly md5: string;
  readonly sha256: string;
}

export interface PlacedThumbnails {
  readonly label: string | null;
  readonly dimensions: string;
  readonly images: readonly PlacedFile[];
}

export type State = 'pending' | 'processing' | 'finished' | 'failed';

/** An output as the stand-in knows it. Times are epoch milliseconds. */
export interface Output {
  readonly id: number;
  readonly label: string | null;
  readonly type: string;
  readonly media: MediaFields;
  readonly createdAt: number;
  state: State;
  finishedAt: number | null;
  /** What `file_size_in_bytes` states: for a segmented output the media's bytes, not the ZIP's. */
  statedSize: number | null;
  statedMd5: string | null;
  file: PlacedFile | null;
  thumbnails: readonly PlacedThumbnails[];
  backupServerUsed: boolean;
  mediaFailure: UploadProblem | null;
  thumbnailFailure: UploadProblem | null;
  /** Why the output failed as a whole. */
  failure: UploadProblem | null;
}

/** A job as the stand-in knows it. Times are epoch milliseconds. */
export interface Job {
  readonly id: number;
  readonly inputId: number;
  readonly passThrough: string | null;
  readonly test: boolean;
  readonly signature: SignatureVersion;
  readonly createdAt: number;
  readonly outputs: readonly Output[];
  state: State;
  updatedAt: number;
  finishedAt: number | null;
}

/** A job as it stands before any of its work is done. */
export function newJob(request: JobRequest, now: number, nextId: () => number): Job {
  return {
    id: nextId(),
    inputId: nextId(),
    passThrough: request.passThrough ?? null,
    test: request.test ?? false,
    signature: request.signature ?? 'v4',
    createdAt: now,
    updatedAt: now,
    finishedAt: null,
    state: 'pending',
    outputs: request.outputs.map((output) => ({
      id: nextId(),
      label: output.label ?? null,
      type: output.type ?? 'standard',
      media: mediaFieldsOf(output.type ?? 'standard', output.media),
      createdAt: now,
      state: 'pending',
      finishedAt: null,
      statedSize: null,
      statedMd5: null,
      file: null,
      thumbnails: [],
      backupServerUsed: false,
      mediaFailure: null,
      thumbnailFailure: null,
      failure: null,
    })),
  };
}

/** All files of an output that were placed anywhere. */
export function filesOf(output: Output): PlacedFile[] {
  const images = output.thumbnails.flatMap((set) => set.images);
  return output.file === null ? images : [output.file, ...images];
}
