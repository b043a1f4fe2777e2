import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CredentialCache } from '../../../lambda/ingest/authenticate.ts';
import { SecretNotUsable } from '../../../lambda/shared/runtime/secrets.ts';
import { type SecretStages, startSecrets } from './servers.ts';

const secretOf = (password: string) => JSON.stringify({ username: 'zencoder', password });

let stages: SecretStages;
let secrets: Awaited<ReturnType<typeof startSecrets>>;
let client: SecretsManagerClient;
let now: number;
let cache: CredentialCache;
let errors: unknown[];

beforeEach(async () => {
  stages = { AWSCURRENT: secretOf('one') };
  secrets = await startSecrets(stages);
  client = new SecretsManagerClient({
    endpoint: secrets.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'k', secretAccessKey: 's' },
    maxAttempts: 1,
  });
  now = 0;
  errors = [];
  cache = new CredentialCache(
    client,
    'secret',
    (error) => errors.push(error),
    () => now,
  );
});

afterEach(async () => {
  client.destroy();
  await secrets.close();
});

async function passwords(): Promise<string[]> {
  return (await cache.validVersions()).map((credentials) => credentials.password);
}

describe('CredentialCache', () => {
  it('returns the current version alone while there is no previous one', async () => {
    expect(await passwords()).toEqual(['one']);
  });

  it('returns the current and the previous version', async () => {
    stages.AWSPREVIOUS = secretOf('zero');
    expect(await passwords()).toEqual(['one', 'zero']);
  });

  it.each(['of-the-account\n', ' of-the-account\r\n', 'of-the-account'])(
    'removes white space around the notification secret %j',
    async (notificationSecret) => {
      stages.AWSCURRENT = JSON.stringify({ username: 'zencoder', password: 'one', notificationSecret });
      expect(await cache.validVersions()).toMatchObject([{ notificationSecret: 'of-the-account' }]);
    },
  );

  it('ignores a notification secret that is white space', async () => {
    stages.AWSCURRENT = JSON.stringify({ username: 'zencoder', password: 'one', notificationSecret: ' \n' });
    expect(await cache.validVersions()).toMatchObject([{ notificationSecret: null }]);
  });

  it('reads the secret once in five minutes', async () => {
    await passwords();
    stages.AWSCURRENT = secretOf('two');
    now = 299_999;
    expect(await passwords()).toEqual(['one']);
    expect(secrets.calls()).toBe(2);
    now = 300_000;
    expect(await passwords()).toEqual(['two']);
  });

  it('reloads after a failed authentication, at most every five seconds', async () => {
    await passwords();
    stages.AWSCURRENT = secretOf('two');
    now = 4_999;
    expect(await cache.reload()).toBeNull();
    now = 5_000;
    expect(await cache.reload()).toMatchObject([{ password: 'two' }]);
    expect(await cache.reload()).toBeNull();
  });

  it('keeps the last versions while Secrets Manager is unavailable, and reports the error', async () => {
    await passwords();
    expect(errors).toEqual([]);
    stages.AWSCURRENT = null;
    now = 300_000;
    expect(await passwords()).toEqual(['one']);
    expect(errors).toHaveLength(1);
  });

  it('throws while no version was ever read, until Secrets Manager is available', async () => {
    stages.AWSCURRENT = null;
    await expect(passwords()).rejects.toThrow();
    stages.AWSCURRENT = secretOf('one');
    expect(await passwords()).toEqual(['one']);
  });

  it.each(['not JSON', '{}', '{"username":"zencoder","password":""}', '"text"'])(
    'throws an error that does not quote the secret when it is %s',
    async (text) => {
      stages.AWSCURRENT = text;
      await expect(passwords()).rejects.toThrow(SecretNotUsable);
      await expect(passwords()).rejects.not.toThrow(text);
    },
  );

  it('returns the previous version while the current one is invalid', async () => {
    stages.AWSCURRENT = '{}';
    stages.AWSPREVIOUS = secretOf('zero');
    expect(await passwords()).toEqual(['zero']);
  });
});
