/** One permission that a request needs: an IAM action on one resource, with the request's condition keys. */
export interface AccessRequest {
  /** As policies write it, e.g. `s3:PutObject`. */
  readonly action: string;
  /** ARN, e.g. `arn:aws:s3:::bucket/key`. */
  readonly resource: string;
  /** Values of each condition key, by its name in lower case; a key that the request does not have is absent. */
  readonly context: ReadonlyMap<string, readonly string[]>;
}

/** Why a request is refused: by the policies, or because its access key is unknown. */
export type RefusalReason = 'denied' | 'unknown-key';

/** Whether a caller may; the message of a refusal is what AWS writes. */
export type AccessDecision =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly reason: RefusalReason; readonly message: string };

/** Decides on requests by the policies of the stack that runs. */
export interface Gate {
  /** @param accessKeyId the caller's; undefined for an anonymous request. All requests must be allowed. */
  authorize(accessKeyId: string | undefined, requests: readonly AccessRequest[]): AccessDecision;
}
