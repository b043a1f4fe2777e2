import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalServer } from '../../../../infra/local/aws/listen.ts';
import { startSecretsManager } from '../../../../infra/local/aws/secrets-manager.ts';

let server: LocalServer;
let client: SecretsManagerClient;
let arn: string;

beforeEach(async () => {
  server = await startSecretsManager({ now: () => Date.UTC(2026, 0, 2) });
  client = new SecretsManagerClient({
    endpoint: server.endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  });
  const made = await client.send(new CreateSecretCommand({ Name: 'notification', SecretString: 'one' }));
  arn = made.ARN ?? '';
});

afterEach(async () => {
  client.destroy();
  await server.close();
});

const value = async (stage?: string, SecretId = 'notification') => {
  const input = stage === undefined ? { SecretId } : { SecretId, VersionStage: stage };
  return (await client.send(new GetSecretValueCommand(input))).SecretString;
};
const put = (SecretString: string, ClientRequestToken?: string) =>
  client.send(
    new PutSecretValueCommand({
      SecretId: arn,
      SecretString,
      ...(ClientRequestToken === undefined ? {} : { ClientRequestToken }),
    }),
  );

describe('the local Secrets Manager', () => {
  it('finds a secret by name, ARN, and ARN without its random suffix', async () => {
    expect(arn).toMatch(/^arn:aws:secretsmanager:eu-west-1:000000000000:secret:notification-\w{6}$/);
    expect(await value(undefined, 'notification')).toBe('one');
    expect(await value(undefined, arn)).toBe('one');
    expect(await value(undefined, arn.slice(0, -7))).toBe('one');
  });

  it('keeps the previous value as AWSPREVIOUS', async () => {
    await expect(value('AWSPREVIOUS')).rejects.toBeInstanceOf(ResourceNotFoundException);
    await put('two');
    await put('three');
    expect([await value('AWSCURRENT'), await value('AWSPREVIOUS')]).toEqual(['three', 'two']);
  });

  it('keeps the current value when a version is put under another stage', async () => {
    await client.send(
      new PutSecretValueCommand({ SecretId: arn, SecretString: 'next', VersionStages: ['AWSPENDING'] }),
    );
    expect([await value(), await value('AWSPENDING')]).toEqual(['one', 'next']);
  });

  it('accepts the same version twice, but not with another value', async () => {
    const token = 'a'.repeat(32);
    await put('two', token);
    await put('two', token);
    expect([await value(), await value('AWSPREVIOUS')]).toEqual(['two', 'one']);
    await expect(put('other', token)).rejects.toBeInstanceOf(ResourceExistsException);
  });

  it('describes versions with their stages', async () => {
    const { VersionId: second = '' } = await put('two');
    const { VersionId: third = '' } = await put('three');
    const described = await client.send(new DescribeSecretCommand({ SecretId: arn }));
    expect(described.VersionIdsToStages).toEqual({ [second]: ['AWSPREVIOUS'], [third]: ['AWSCURRENT'] });
    expect(described.CreatedDate).toEqual(new Date(Date.UTC(2026, 0, 2)));
  });

  it('rejects unknown secrets and operations', async () => {
    await expect(value(undefined, 'other')).rejects.toBeInstanceOf(ResourceNotFoundException);
    await expect(client.send(new ListSecretsCommand({}))).rejects.toThrow('not served locally');
  });
});
