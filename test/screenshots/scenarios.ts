import type { LastError } from '../../lambda/shared/ledger/records.ts';
import type { RecoveryState, Role } from '../../lambda/shared/zencoder/model.ts';

/** A backup file and what became of it. */
export interface SceneFile {
  readonly role: Role;
  readonly name: string;
  readonly size: number;
  readonly state: RecoveryState;
  /** Label of its thumbnail set. */
  readonly set?: string;
  /** Failed attempts, in order. */
  readonly errors?: readonly LastError[];
  readonly warnings?: readonly string[];
  /** Who asked to try it again, a minute after it was settled. */
  readonly retriedBy?: string;
  /** Share that is copied, of one that is being copied. */
  readonly done?: number;
  /** How long it took. */
  readonly minutes?: number;
}

/** One output of which an upload failed. */
export interface Scene {
  readonly jobId: string;
  readonly outputId: string;
  readonly label: string | null;
  readonly type?: string;
  readonly passThrough: string | null;
  readonly test?: boolean;
  readonly hoursAgo: number;
  readonly failure: { readonly errorClass: string; readonly message: string; readonly host: string | null };
  readonly files: readonly SceneFile[];
}

const DENIED: LastError = {
  at: 0,
  errorClass: 'DestinationDenied',
  category: 'action-required',
  message: 'the bucket acme-recovered-files refuses s3:PutObject: AccessDenied',
};
const STALLED: LastError = {
  at: 0,
  errorClass: 'SourceStalled',
  category: 'transient',
  message: 'Zencoder’s storage sent nothing for 20 s',
};
const ENDED: LastError = {
  at: 0,
  errorClass: 'SourceExpired',
  category: 'lost',
  message: 'the signed URL ended before the file could be read',
};
const TAKEN: LastError = {
  at: 0,
  errorClass: 'ObjectExists',
  category: 'conflict',
  message: 'another object is at this key: 812 bytes, put by another client',
};

const frames = (count: number, state: RecoveryState): SceneFile[] =>
  Array.from({ length: count }, (_, index) => ({
    role: 'thumbnail',
    set: 'strip',
    name: `frame_${String(index).padStart(4, '0')}.png`,
    size: 20_110 + index * 731,
    state,
  }));

/** The job that shows most. */
export const SHOWN_JOB = '1702455310';
/** Its output with the longest record. */
export const SHOWN_OUTPUT = '4310660242';

/** A job with an output that needs attention. */
export const FAILED_JOB = '1702599001';
export const FAILED_OUTPUT = '4310799001';

/** One of every kind. */
export const SCENARIOS: readonly Scene[] = [
  {
    ...{ jobId: SHOWN_JOB, outputId: SHOWN_OUTPUT, label: 'hd', hoursAgo: 2.2 },
    passThrough: '{"asset":"ep-103","tenant":"acme"}',
    failure: {
      errorClass: 'UploadAccessDeniedError',
      host: 'acme-video-out',
      message: 'Access was denied while uploading to s3://acme-video-out/shows/ep-103/hd.mp4.',
    },
    files: [
      { role: 'media', name: 'hd.mp4', size: 4_821_193_700, state: 'copying', done: 0.63, errors: [STALLED] },
      { role: 'thumbnail', set: 'poster', name: 'poster_0000.png', size: 734_112, state: 'recovered' },
      ...frames(3, 'recovered'),
    ],
  },
  {
    ...{ jobId: SHOWN_JOB, outputId: '4310660243', label: 'web', hoursAgo: 2.1 },
    passThrough: '{"asset":"ep-103","tenant":"acme"}',
    failure: {
      errorClass: 'UploadAccessDeniedError',
      host: 'acme-video-out',
      message: 'Access was denied while uploading to s3://acme-video-out/shows/ep-103/web.mp4.',
    },
    files: [
      {
        ...{ role: 'media', name: 'web.mp4', size: 19_874_410, state: 'recovered' },
        warnings: ['the object has 19,874,410 bytes, Zencoder announced 19,874,404'],
      },
    ],
  },
  {
    ...{ jobId: '1702588800', outputId: '4310790002', label: '720', hoursAgo: 20.4 },
    passThrough: 'asset:ep-106',
    failure: {
      errorClass: 'UploadFailureError',
      host: 'acme-archive',
      message: 'The server at s3://acme-archive/shows/ep-106/720.mp4 returned 503 Slow Down.',
    },
    files: [
      {
        ...{ role: 'media', name: '720.mp4', size: 812_400_111, state: 'pending' },
        errors: [STALLED, DENIED, DENIED],
      },
    ],
  },
  {
    ...{ jobId: '1702590177', outputId: '4310791120', label: 'mezzanine', hoursAgo: 21.5 },
    type: 'transfer-only',
    passThrough: null,
    failure: {
      errorClass: 'UploadTimeoutError',
      host: 'ftp.partner.example',
      message: 'The upload to ftp://***@ftp.partner.example/in/mezzanine.mov timed out.',
    },
    files: [{ role: 'media', name: 'mezzanine.mov', size: 61_400_000_000, state: 'copying', done: 0.88 }],
  },
  {
    ...{ jobId: '1702401122', outputId: '4310601122', label: 'hls-1080', type: 'segmented', hoursAgo: 40 },
    passThrough: 'asset:ep-098',
    failure: {
      errorClass: 'UnableToResolveHostError',
      host: 'media.acme.invalid',
      message: 'Could not resolve the host media.acme.invalid.',
    },
    files: [
      { role: 'media', name: 'hls-1080.zip', size: 240_118_004, state: 'lost', errors: [DENIED, ENDED] },
    ],
  },
  {
    ...{ jobId: FAILED_JOB, outputId: FAILED_OUTPUT, label: 'captions-en', type: 'captions', hoursAgo: 1.2 },
    passThrough: 'asset:ep-107',
    failure: {
      errorClass: 'UploadServerNotFoundError',
      host: 'sftp.partner.example',
      message: 'No server answered at sftp://sftp.partner.example/captions/en.vtt.',
    },
    files: [
      {
        role: 'media',
        name: 'captions-en.vtt',
        size: 48_120,
        state: 'failed',
        errors: [TAKEN],
        retriedBy: 'operator dashboard',
      },
    ],
  },
  {
    ...{ jobId: '1702600500', outputId: '4310800500', label: 'preview', test: true, hoursAgo: 0.4 },
    passThrough: null,
    failure: {
      errorClass: 'AkamaiQuotaExceededError',
      host: 'acme.upload.akamai.example',
      message: 'The account acme has used up its quota.',
    },
    files: [
      { role: 'media', name: 'preview.mp4', size: 1_204_118, state: 'recovered' },
      ...frames(6, 'recovered'),
    ],
  },
  {
    ...{ jobId: '1702600777', outputId: '4310800777', label: null, hoursAgo: 0.1 },
    passThrough: null,
    failure: {
      errorClass: 'S3BucketNotFoundError',
      host: 'acme-vidoe-out',
      message: 'There is no bucket named acme-vidoe-out.',
    },
    files: [],
  },
];
