import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { expect, it, onTestFinished } from 'vitest';
import { SecretNotUsable, SecretVersions } from '../../../../lambda/shared/runtime/secrets.ts';
import { type SecretStages, startSecrets } from '../../ingest/servers.ts';

/** Reads a secret whose text is the password; the test says when time goes on. */
async function versionsOf(stages: SecretStages, keepsUnusable: boolean) {
  const secrets = await startSecrets(stages);
  onTestFinished(() => secrets.close());
  const credentials = { accessKeyId: 'k', secretAccessKey: 's' };
  const client = new SecretsManagerClient({
    endpoint: secrets.endpoint,
    region: 'us-east-1',
    credentials,
    maxAttempts: 1,
  });
  onTestFinished(() => client.destroy());
  const parse = (text: string) => (text === '' ? null : text);
  const clock = { now: 0 };
  const reading = { parse, expected: 'a password', keepsUnusable };
  return { clock, versions: new SecretVersions(client, 'secret', reading, () => clock.now) };
}

const LATER = 6 * 60_000;

it('SecretVersions that keep nothing unusable end with the secret that holds no credentials', async () => {
  const stages: SecretStages = { AWSCURRENT: 'one' };
  const { clock, versions } = await versionsOf(stages, false);
  expect(await versions.validVersions()).toEqual(['one']);
  stages.AWSCURRENT = '';
  clock.now += LATER;
  await expect(versions.validVersions()).rejects.toThrow(SecretNotUsable);
  stages.AWSCURRENT = 'two';
  expect(await versions.validVersions()).toEqual(['two']);
});

it('SecretVersions that keep what was usable stay valid', async () => {
  const stages: SecretStages = { AWSCURRENT: 'one' };
  const { clock, versions } = await versionsOf(stages, true);
  expect(await versions.validVersions()).toEqual(['one']);
  stages.AWSCURRENT = '';
  clock.now += LATER;
  expect(await versions.validVersions()).toEqual(['one']);
});
