import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLambdaApi } from '../../../../../infra/local/aws/lambda/invoke-api.ts';
import { FunctionError } from '../../../../../infra/local/aws/lambda/protocol.ts';
import type { LocalServer } from '../../../../../infra/local/aws/listen.ts';

const echo = { invoke: async (event: unknown) => ({ echoed: event }) };
const broken = {
  invoke: async () => {
    throw new FunctionError('broken', { errorType: 'RangeError', errorMessage: 'out of it' });
  },
};

let server: LocalServer;
let client: LambdaClient;
beforeAll(async () => {
  server = await startLambdaApi(new Map(Object.entries({ echo, broken })));
  client = new LambdaClient({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

const invoke = async (name: string) => {
  const response = await client.send(new InvokeCommand({ FunctionName: name, Payload: '{"a":1}' }));
  return { error: response.FunctionError, payload: JSON.parse(response.Payload?.transformToString() ?? '') };
};

describe('InvokeCommand', () => {
  it('passes the event to the function of a name or ARN, and returns its result', async () => {
    const expected = { error: undefined, payload: { echoed: { a: 1 } } };
    expect(await invoke('echo')).toEqual(expected);
    expect(await invoke('arn:aws:lambda:us-east-1:000000000000:function:echo')).toEqual(expected);
  });

  it('returns FunctionError with the thrown error', async () => {
    expect(await invoke('broken')).toEqual({
      error: 'Unhandled',
      payload: { errorType: 'RangeError', errorMessage: 'out of it' },
    });
  });

  it('rejects an unknown function', async () => {
    await expect(invoke('unknown')).rejects.toThrow('Function not found');
  });
});
