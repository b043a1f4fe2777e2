import type { Job, JobRequest } from './job.ts';
import { mediaFieldsOf } from './media-fields.ts';

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
