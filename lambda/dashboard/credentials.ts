import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { isSameSecret, SecretVersions } from '../shared/runtime/secrets.ts';

/** What a visitor may do: a viewer sees every page and the API; an operator also retries and downloads. */
export type VisitorRole = 'viewer' | 'operator';

/** A user name and its password. */
export interface Credential {
  readonly username: string;
  readonly password: string;
}

/** One version of the dashboard's secret. */
export interface DashboardCredentials {
  readonly operator: Credential;
  /** Null in a secret without `viewerPassword`. */
  readonly viewer: Credential | null;
}

/** The credentials that are accepted now. */
export interface AcceptedCredentials {
  validVersions(): Promise<readonly DashboardCredentials[]>;
  /** Called only after a failed authentication; null when it is too early to read the secret again. */
  reload(): Promise<readonly DashboardCredentials[] | null>;
}

/** The owner of one of the accepted credentials. */
export interface Visitor {
  readonly role: VisitorRole;
  /** The user name. */
  readonly name: string;
  /** `user:password`: keys of sessions and form tokens are derived from it. */
  readonly credential: Buffer;
}

const word = v.pipe(v.string(), v.minLength(1));

const secretShape = v.pipe(
  v.string(),
  v.rawTransform(({ dataset, addIssue, NEVER }): unknown => {
    try {
      return JSON.parse(dataset.value);
    } catch {
      addIssue({ message: 'is not JSON' });
      return NEVER;
    }
  }),
  v.looseObject({ username: word, password: word }),
);

/** A person chooses this password, so its length is checked: 16 characters cannot be guessed at any rate. */
const viewerShape = v.object({
  viewerUsername: v.optional(word, 'viewer'),
  viewerPassword: v.pipe(v.string(), v.minLength(16)),
});

/**
 * Reads the text of a version of the secret; null when it has no credentials of an operator.
 *
 * @param onNoViewer is called with the reason when the viewer's fields cannot be used; the operator's stay valid.
 */
export function parseSecret(text: string, onNoViewer: (reason: string) => void): DashboardCredentials | null {
  const parsed = v.safeParse(secretShape, text);
  if (!parsed.success) return null;
  const { username, password, ...others } = parsed.output;
  const viewer = v.safeParse(viewerShape, others);
  if (!viewer.success && ('viewerPassword' in others || 'viewerUsername' in others)) {
    onNoViewer('viewerPassword must have 16 characters or more, and viewerUsername must not be empty');
  }
  return {
    operator: { username, password },
    viewer: viewer.success
      ? { username: viewer.output.viewerUsername, password: viewer.output.viewerPassword }
      : null,
  };
}

/** The accepted credentials of the dashboard: the current version of its secret and the previous one. */
export function dashboardCredentials(
  client: SecretsManagerClient,
  secretId: string,
  onNoViewer: (reason: string) => void,
): SecretVersions<DashboardCredentials> {
  return new SecretVersions(client, secretId, {
    parse: (text) => parseSecret(text, onNoViewer),
    expected: 'the dashboard secret must be JSON with "username" and "password"',
    // A secret that was emptied ends all sessions; people can wait for its correction, notifications cannot.
    keepsUnusable: false,
  });
}

/** All visitors that are accepted now, operators first. */
export function visitorsOf(versions: readonly DashboardCredentials[]): Visitor[] {
  const operators = versions.map(({ operator }) => visitor('operator', operator));
  return [...operators, ...versions.flatMap(({ viewer }) => (viewer ? [visitor('viewer', viewer)] : []))];
}

/** Who has this `user:password`, in a time that does not depend on it; null when it is wrong. */
export function withPassword(presented: Buffer, visitors: readonly Visitor[]): Visitor | null {
  const matching = visitors.filter(({ credential }) => isSameSecret(presented, credential.toString()));
  return matching[0] ?? null;
}

/**
 * Looks among the accepted credentials, and once more after they were read anew: the secret may have been rotated since.
 *
 * @throws {SecretNotUsable} when no version of the secret holds credentials.
 */
export async function findVisitor(
  credentials: AcceptedCredentials,
  find: (visitors: readonly Visitor[]) => Visitor | null,
): Promise<Visitor | null> {
  const known = find(visitorsOf(await credentials.validVersions()));
  if (known !== null) return known;
  const fresh = await credentials.reload();
  return fresh === null ? null : find(visitorsOf(fresh));
}

function visitor(role: VisitorRole, { username, password }: Credential): Visitor {
  return { role, name: username, credential: Buffer.from(`${username}:${password}`) };
}
