import * as v from 'valibot';

/** Where the probe's objects live for a moment. The worker's role may delete here and nowhere else. */
export const PROBE_PREFIX = 'zencoder-recovery-preflight/';

/** What invokes a preflight in place of messages from the queue. */
export const PREFLIGHT_EVENT = { preflight: true } as const;

/** Has the worker note in the ledger that every check has passed, also those that it does not make; its response is null. */
export const PASSED_EVENT = { preflight: 'passed' } as const;

const probeKey = v.pipe(v.string(), v.startsWith(PROBE_PREFIX));

/** Has the worker keep one probe object, for the dashboard to download; its response is a {@link probe}. */
export const KEEP_PROBE_EVENT = { preflight: 'keep' } as const;

/** Has the worker remove it; no other object can be named. */
export const removeProbeEvent = v.object({ preflight: v.literal('remove'), key: probeKey });

/**
 * Has the dashboard download it by a link of its own; the response is a `checkResult`. The API sends no such event: the names in its
 * events are API Gateway's (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html),
 * so that only callers with lambda:InvokeFunction can.
 */
export const downloadEvent = v.object({ preflight: v.literal('download'), key: probeKey });

export const probe = v.object({ key: probeKey });

export type Probe = v.InferOutput<typeof probe>;
export type RemoveProbeEvent = v.InferOutput<typeof removeProbeEvent>;
export type DownloadEvent = v.InferOutput<typeof downloadEvent>;

/** What a check tries, as the worker does it in a recovery, and the permission that it takes. */
export interface CheckDefinition {
  readonly does: string;
  readonly permission: string;
  /** False for what nothing depends on: an error there is reported and fails nothing. */
  readonly needed: boolean;
}

/** Every check in the order in which it is made. */
export const CHECKS = {
  create: needed('create an object', 's3:PutObject'),
  keep: needed('refuse to overwrite', 's3:PutObject'),
  read: needed('look an object up', 's3:GetObject'),
  miss: needed('detect an unused key', 's3:ListBucket'),
  upload: needed('begin a multipart upload', 's3:PutObject'),
  part: needed('send a part', 's3:PutObject'),
  listParts: needed('list the parts of an upload', 's3:ListMultipartUploadParts'),
  complete: needed('complete an upload', 's3:PutObject'),
  abort: needed('abort an upload', 's3:AbortMultipartUpload'),
  retention: {
    does: 'find objects not locked',
    permission: 's3:GetObjectRetention',
    needed: false,
  },
  publish: needed('publish an event', 'sns:Publish'),
  remove: { does: 'remove the probe objects', permission: 's3:DeleteObject', needed: false },
  download: needed('download by a link', 's3:GetObject by the dashboard'),
} as const satisfies Record<string, CheckDefinition>;

export type CheckName = keyof typeof CHECKS;

export const checkResult = v.object({
  name: v.string(),
  does: v.string(),
  permission: v.string(),
  needed: v.boolean(),
  /** `skipped` when an earlier check failed that this one builds on. */
  outcome: v.picklist(['passed', 'failed', 'skipped']),
  /** Class of the error, e.g. `DestinationKeyDenied`. */
  errorClass: v.nullable(v.string()),
  /** What is wrong and what to change. */
  message: v.nullable(v.string()),
  /** AWS's own words, which often name the policy that denies; null when it sent none. */
  answer: v.nullable(v.string()),
});

/** The response of the worker's function to {@link PREFLIGHT_EVENT}. */
export const preflightReport = v.object({
  /** Whether a recovery into this bucket would succeed, and its event be published. */
  ok: v.boolean(),
  bucket: v.string(),
  /** The function's own. */
  region: v.string(),
  checks: v.array(checkResult),
  /** Keys of probe objects that could not be removed. */
  leftBehind: v.array(v.string()),
});

export type CheckResult = v.InferOutput<typeof checkResult>;
export type PreflightReport = v.InferOutput<typeof preflightReport>;

function needed(does: string, permission: string): CheckDefinition {
  return { does, permission, needed: true };
}
