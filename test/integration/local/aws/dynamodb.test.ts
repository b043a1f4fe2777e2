import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startDynamoDb } from '../../../../infra/local/aws/dynamodb.ts';

afterEach(() => vi.unstubAllEnvs());

async function tablesOf(endpoint: string): Promise<string[] | undefined> {
  const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
  const client = new DynamoDBClient({ endpoint, region: 'us-east-1', credentials, maxAttempts: 1 });
  try {
    return (await client.send(new ListTablesCommand({}))).TableNames;
  } finally {
    client.destroy();
  }
}

describe('startDynamoDb', () => {
  it('starts empty instances on separate ports, which respond until they are closed', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', undefined);
    const servers = await Promise.all([startDynamoDb(), startDynamoDb(), startDynamoDb()]);
    const [first] = servers;
    expect(new Set(servers.map(({ endpoint }) => endpoint)).size).toBe(3);
    expect(await Promise.all(servers.map(({ endpoint }) => tablesOf(endpoint)))).toEqual([[], [], []]);
    await Promise.all(servers.map((server) => server.close()));
    await expect(tablesOf(first?.endpoint ?? '')).rejects.toThrow(/ECONNREFUSED/);
  });

  it('uses the server of AWS_ENDPOINT_URL_DYNAMODB and leaves it running', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', undefined);
    const there = await startDynamoDb();
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', there.endpoint);
    const given = await startDynamoDb();
    expect(given.endpoint).toBe(there.endpoint);
    await given.close();
    expect(await tablesOf(there.endpoint)).toEqual([]);
    await there.close();
  });
});
