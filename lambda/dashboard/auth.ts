import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { createMiddleware } from 'hono/factory';
import * as v from 'valibot';
import { basicCredentials, isSameSecret, SecretVersions } from '../shared/runtime/secrets.ts';
import { HttpError } from './errors.ts';

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
  v.object({
    username: v.pipe(v.string(), v.minLength(1)),
    password: v.pipe(v.string(), v.minLength(1)),
  }),
);

/** One version of the dashboard's secret. */
export type DashboardCredentials = v.InferOutput<typeof secretShape>;

/** The credentials that are accepted now. */
export interface AcceptedCredentials {
  validVersions(): Promise<readonly DashboardCredentials[]>;
  /** Called only after a failed authentication; null when it is too early to read the secret again. */
  reload(): Promise<readonly DashboardCredentials[] | null>;
}

/** The accepted credentials of the dashboard: the current version of its secret and the previous one. */
export function dashboardCredentials(
  client: SecretsManagerClient,
  secretId: string,
): SecretVersions<DashboardCredentials> {
  return new SecretVersions(client, secretId, {
    parse: (text) => {
      const parsed = v.safeParse(secretShape, text);
      return parsed.success ? parsed.output : null;
    },
    expected: 'the dashboard secret must be JSON with "username" and "password"',
  });
}

/** Whether these Basic credentials are one of the accepted versions; in the same time whatever matches. */
export function isAccepted(basic: Buffer | null, accepted: readonly DashboardCredentials[]): boolean {
  let matches = 0;
  for (const { username, password } of accepted) {
    matches += Number(isSameSecret(basic, `${username}:${password}`));
  }
  return matches > 0;
}

/** What a request carries once it is authenticated. */
export interface DashboardEnv {
  Variables: {
    /** `user:password`, to bind form tokens to. */
    basic: Buffer;
  };
}

/**
 * Nothing but the dashboard's own assets and API: no inline script or style, no frame, no other site. The header of
 * every response.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ');

const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'strict-transport-security': 'max-age=63072000',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
  'x-robots-tag': 'noindex, nofollow',
};

/** Puts the security headers on every response, errors included; nothing is cached unless the response says otherwise. */
export const securityHeaders = createMiddleware(async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) context.res.headers.set(name, value);
  if (!context.res.headers.has('cache-control')) context.res.headers.set('cache-control', 'no-store');
});

/**
 * Lets in requests with the credentials of the dashboard's secret, in its current or previous version; any other gets a
 * 401 before anything is read.
 */
export function authenticated(credentials: AcceptedCredentials) {
  return createMiddleware<DashboardEnv>(async (context, next) => {
    const basic = basicCredentials(context.req.header('authorization'));
    if (basic === null || !(await isLetIn(basic, credentials))) {
      throw new HttpError(401, 'Unauthorized', 'credentials are missing or wrong');
    }
    context.set('basic', basic);
    return await next();
  });
}

async function isLetIn(basic: Buffer, credentials: AcceptedCredentials): Promise<boolean> {
  if (isAccepted(basic, await credentials.validVersions())) return true;
  // The secret may have been rotated since it was read.
  const fresh = await credentials.reload();
  return fresh !== null && isAccepted(basic, fresh);
}
