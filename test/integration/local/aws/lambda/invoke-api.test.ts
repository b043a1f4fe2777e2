import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLambdaApi } from '../../../../../infra/local/aws/lambda/invoke-api.ts';
import {
  EventTooLarge,
  FunctionError,
  FunctionThrottled,
  RESPONSE_TOO_LARGE,
  RecursionStopped,
} from '../../../../../infra/local/aws/lambda/protocol.ts';
import type { LocalServer } from '../../../../../infra/local/aws/listen.ts';

/** A function that fails with an error, or succeeds. */
function failing(error?: Error) {
  const submitted: unknown[] = [];
  return {
    submitted,
    invoke: async (event: unknown) => {
      if (error !== undefined) throw error;
      return { echoed: event };
    },
    submit: (event: unknown) => {
      if (error !== undefined) throw error;
      submitted.push(event);
    },
  };
}

const echo = failing();
const functions = {
  echo,
  broken: failing(new FunctionError('broken', { errorType: 'RangeError', errorMessage: 'out of it' })),
  oversized: failing(new FunctionError('oversized', RESPONSE_TOO_LARGE)),
  busy: failing(new FunctionThrottled('busy', 'ConcurrentInvocationLimitExceeded')),
  large: failing(new EventTooLarge('large', 1_048_577, 'Event')),
  looping: failing(new RecursionStopped('looping')),
};

let server: LocalServer;
let client: LambdaClient;
beforeAll(async () => {
  server = await startLambdaApi(new Map(Object.entries(functions)));
  client = new LambdaClient({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
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

  it('returns FunctionError with status 200 for a response that is too large', async () => {
    const response = await client.send(new InvokeCommand({ FunctionName: 'oversized' }));
    expect(response).toMatchObject({ StatusCode: 200, FunctionError: 'Unhandled' });
    expect(JSON.parse(response.Payload?.transformToString() ?? '')).toMatchObject({
      errorType: 'Function.ResponseSizeTooLarge',
    });
  });

  it('hands an event over with status 202 and no payload', async () => {
    const FunctionName = 'echo';
    const response = await client.send(
      new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload: '{"b":2}' }),
    );
    expect(response.StatusCode).toBe(202);
    expect(response.Payload ?? []).toHaveLength(0);
    expect(echo.submitted).toEqual([{ b: 2 }]);
    const dry = await client.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' }));
    expect(dry.StatusCode).toBe(204);
  });

  it.each([
    ['busy', 'RequestResponse', 429, 'TooManyRequestsException'],
    ['large', 'Event', 413, 'RequestTooLargeException'],
    ['looping', 'RequestResponse', 400, 'RecursiveInvocationException'],
  ] as const)('rejects a call of %s (%s) with %i %s', async (FunctionName, InvocationType, status, name) => {
    const error = await client
      .send(new InvokeCommand({ FunctionName, InvocationType }))
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name, $metadata: { httpStatusCode: status } });
    if (name === 'TooManyRequestsException')
      expect(error).toMatchObject({ Reason: 'ConcurrentInvocationLimitExceeded' });
  });

  it('rejects an unknown function', async () => {
    await expect(invoke('unknown')).rejects.toThrow('Function not found');
  });
});
