/** What the file is to Zencoder: the output's own media file (or package), or one of its thumbnails. */
export type Role = 'media' | 'thumbnail';

/**
 * Where a recovery stands: `lost` means no URL tried so far yields the file (newer evidence opens it until its
 * deadline), `failed` needs manual action.
 */
export type RecoveryState = 'pending' | 'copying' | 'recovered' | 'lost' | 'failed';

/** The states from which nothing happens by itself. */
export const SETTLED_STATES = ['recovered', 'lost', 'failed'] as const satisfies readonly RecoveryState[];

/** The job as far as records and key templates need it. Ids are text: Zencoder's are 64-bit. */
export interface JobInfo {
  readonly id: string;
  /** As the customer set it, up to 255 characters, or null. */
  readonly passThrough: string | null;
  /** True for a test (integration) job, which Zencoder cuts to five seconds. */
  readonly test: boolean;
}

/** The least id of the jobs that `npm run send-test` makes up; Zencoder's ids have ten digits. */
export const FIRST_SEND_TEST_JOB = 900_000_000_000_000;

/** Whether a job is made up by `npm run send-test`: its notification is not Zencoder's. */
export function isSendTestJob(id: string): boolean {
  return /^9[0-9]{14}$/.test(id);
}

/** The output as far as records and key templates need it. */
export interface OutputInfo {
  readonly id: string;
  readonly label: string | null;
  /** Zencoder's output type: standard, segmented, playlist, captions, transfer-only, cae; null in old payloads. */
  readonly type: string | null;
}

/** Why the upload of an output's media or thumbnails to the customer's own destination failed. */
export interface PrimaryFailure {
  readonly role: Role;
  /** Zencoder's class as found in the link, e.g. `UploadAccessDeniedError`; `UnknownUploadError` when there is none. */
  readonly errorClass: string;
  /** Zencoder's message, already redacted. */
  readonly message: string | null;
  /** Link to Zencoder's documentation of the class. */
  readonly link: string | null;
  /** Host (or bucket, for `s3://bucket/…`) of the customer's destination as found in the message; lower case. */
  readonly destinationHost: string | null;
}

/** One file on Zencoder's backup server. */
export interface BackupFile {
  readonly role: Role;
  /**
   * Signed URL as the allow-list admits it: path and query byte for byte as Zencoder wrote them. A credential: never
   * logged, never stored in the ledger.
   */
  readonly url: string;
  /** Epoch milliseconds at which the signed URL ends. */
  readonly deadline: number;
  /** Base name of the URL's path, decoded and safe, e.g. `frame_0000.png`. */
  readonly filename: string;
  /** Label of the thumbnail set; null for media and for unlabelled sets. */
  readonly thumbnailLabel: string | null;
  /** Bytes, where the notification's number is that of this very file (never for packages); else null. */
  readonly size: number | null;
  /** Lower-case hex, where Zencoder computed one for this very file; else null. */
  readonly md5: string | null;
}

/** Identity of an output: `job` + `output`. */
export interface OutputKey {
  readonly jobId: string;
  readonly outputId: string;
}

/** Identity of a recovery: job + output + role + a digest of the bucket and key that the URL names (never its query). */
export interface RecoveryKey extends OutputKey {
  readonly role: Role;
  /** See `fileIdOf`. */
  readonly fileId: string;
}
