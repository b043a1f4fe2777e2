import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { isSameSecret } from '../../shared/basic-credentials.ts';
import { SecretVersions } from '../../shared/secret-versions.ts';

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
