import type { Job, Output, PlacedFile, PlacedThumbnails } from './job.ts';
import { INPUT_BYTES, INPUT_FIELDS } from './media-fields.ts';

/** How a file is named in a response of this moment: a signed URL for files on Zencoder's storage. */
export type UrlOf = (job: Job, output: Output, file: PlacedFile) => string;

type Json = Record<string, unknown>;

/** The body of an output notification (API v2). */
export function outputNotification(job: Job, output: Output, urlOf: UrlOf): Json {
  return { output: notifiedOutput(job, output, urlOf), job: notifiedJob(job), input: notifiedInput(job) };
}

/** The body of a job notification (API v2). */
export function jobNotification(job: Job, urlOf: UrlOf): Json {
  return {
    outputs: job.outputs.map((output) => notifiedOutput(job, output, urlOf)),
    job: notifiedJob(job),
    input: notifiedInput(job),
  };
}

/** `GET /jobs/:id`: other names than in notifications for sizes, the input, the outputs and the thumbnails. */
export function jobDetails(job: Job, urlOf: UrlOf): Json {
  return {
    job: {
      created_at: instant(job.createdAt),
      finished_at: instant(job.finishedAt),
      id: job.id,
      input_media_file: inputDetails(job),
      output_media_files: job.outputs.map((output) => ({
        ...outputFields(job, output, urlOf),
        ...detailFields(job, output),
        file_size_bytes: output.statedSize,
      })),
      pass_through: job.passThrough,
      privacy: false,
      state: job.state,
      submitted_at: instant(job.createdAt),
      test: job.test,
      thumbnails: job.outputs.flatMap((output) =>
        output.thumbnails.flatMap((set) => flatThumbnails(job, output, set, urlOf)),
      ),
      updated_at: instant(job.updatedAt),
    },
  };
}

/** `GET /outputs/:id`: one output, bare. It lists no thumbnails: those are fields of the job. */
export function outputDetails(job: Job, output: Output, urlOf: UrlOf): Json {
  return {
    ...outputFields(job, output, urlOf),
    ...detailFields(job, output),
    job_id: job.id,
    file_size_in_bytes: output.statedSize,
  };
}

/** `GET /jobs/:id/progress`. Zencoder writes the number as text. */
export function jobProgress(job: Job): Json {
  const done = job.outputs.filter(isSettled).length;
  return {
    state: job.state,
    progress: String(job.outputs.length === 0 ? 100 : (100 * done) / job.outputs.length),
    input: { id: job.inputId, state: 'finished' },
    outputs: job.outputs.map(({ id, state }) => ({ id, state })),
  };
}

function isSettled(output: Output): boolean {
  return output.state === 'finished' || output.state === 'failed';
}

function notifiedOutput(job: Job, output: Output, urlOf: UrlOf): Json {
  return {
    ...outputFields(job, output, urlOf),
    file_size_in_bytes: output.statedSize,
    ...(output.failure === null
      ? {}
      : { error_link: output.failure.link, error_message: output.failure.message }),
    ...(output.thumbnails.length === 0
      ? {}
      : { thumbnails: output.thumbnails.map((set) => notifiedThumbnails(job, output, set, urlOf)) }),
  };
}

/** What notifications and API responses have in common. Backup fields are missing, not false, when all went well. */
function outputFields(job: Job, output: Output, urlOf: UrlOf): Json {
  return {
    ...output.media,
    id: output.id,
    label: output.label,
    md5_checksum: output.statedMd5,
    state: output.state,
    type: output.type,
    ...(output.file === null ? {} : { url: urlOf(job, output, output.file) }),
    ...(output.backupServerUsed ? { backup_server_used: true } : {}),
    ...(output.mediaFailure === null
      ? {}
      : {
          primary_upload_error_link: output.mediaFailure.link,
          primary_upload_error_message: output.mediaFailure.message,
        }),
    ...(output.thumbnailFailure === null
      ? {}
      : {
          primary_thumbnail_upload_error_link: output.thumbnailFailure.link,
          primary_thumbnail_upload_error_message: output.thumbnailFailure.message,
        }),
  };
}

function notifiedThumbnails(job: Job, output: Output, set: PlacedThumbnails, urlOf: UrlOf): Json {
  return {
    label: set.label,
    images: set.images.map((image) => ({
      dimensions: set.dimensions,
      file_size_bytes: image.size,
      format: extension(image.name).toUpperCase(),
      url: urlOf(job, output, image),
    })),
  };
}

function flatThumbnails(job: Job, output: Output, set: PlacedThumbnails, urlOf: UrlOf): Json[] {
  const [width = 0, height = 0] = set.dimensions.split('x').map(Number);
  return set.images.map((image, index) => ({
    created_at: instant(output.createdAt),
    file_size_bytes: image.size,
    format: extension(image.name).toLowerCase(),
    group_label: set.label,
    height,
    // Zencoder numbers thumbnails; the number only has to be stable within an output.
    id: output.id * 1000 + index,
    updated_at: instant(output.finishedAt),
    url: urlOf(job, output, image),
    width,
  }));
}

function notifiedJob(job: Job): Json {
  return {
    created_at: instant(job.createdAt),
    id: job.id,
    pass_through: job.passThrough,
    state: job.state,
    submitted_at: instant(job.createdAt),
    test: job.test,
    updated_at: instant(job.updatedAt),
  };
}

function notifiedInput(job: Job): Json {
  return {
    ...INPUT_FIELDS,
    file_size_in_bytes: INPUT_BYTES,
    id: job.inputId,
    md5_checksum: null,
    state: 'finished',
  };
}

function inputDetails(job: Job): Json {
  return {
    ...INPUT_FIELDS,
    audio_tracks: null,
    created_at: instant(job.createdAt),
    error_class: null,
    error_message: null,
    file_size_bytes: INPUT_BYTES,
    finished_at: instant(job.createdAt),
    id: job.inputId,
    md5_checksum: null,
    privacy: false,
    state: 'finished',
    test: job.test,
    updated_at: instant(job.createdAt),
    url: `s3://acme-video-in/${job.inputId}.mov`,
  };
}

function detailFields(job: Job, output: Output): Json {
  return {
    created_at: instant(output.createdAt),
    error_class: output.failure?.errorClass ?? null,
    error_message: output.failure?.message ?? null,
    finished_at: instant(output.finishedAt),
    privacy: false,
    test: job.test,
    updated_at: instant(output.finishedAt ?? output.createdAt),
  };
}

/** UTC with whole seconds, as Zencoder writes times. */
function instant(milliseconds: number | null): string | null {
  return milliseconds === null ? null : new Date(milliseconds).toISOString().replace(/\.\d+Z$/, 'Z');
}

function extension(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
