import type { AccessRequest } from '../access.ts';

/** Where the resources of a stack are. */
export interface Place {
  readonly region: string;
  readonly accountId: string;
}

/** An operation that no IAM action is known for: it is refused, never let through. */
export class UnknownOperation extends Error {
  override readonly name = 'UnknownOperation';

  constructor(service: string, operation: string) {
    super(`${service}: no IAM action is known for the operation ${JSON.stringify(operation)}`);
  }
}

/** The condition keys of a request, without those that it does not have. */
export function contextOf(
  isSecure: boolean,
  keys: Readonly<Record<string, string | readonly string[] | undefined>> = {},
): AccessRequest['context'] {
  const context = new Map<string, readonly string[]>([['aws:securetransport', [String(isSecure)]]]);
  for (const [key, value] of Object.entries(keys)) {
    if (value !== undefined) context.set(key, typeof value === 'string' ? [value] : value);
  }
  return context;
}
