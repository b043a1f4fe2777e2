import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type FunctionDefinition,
  FunctionError,
  FunctionThrottled,
} from '../../../../../infra/local/aws/lambda/protocol.ts';
import { createFunction, type LocalFunction } from '../../../../../infra/local/aws/lambda/runtime.ts';
import { createClock } from '../../../../../infra/local/clock.ts';
import { eventually } from '../../eventually.ts';

let directory: string;
const made: LocalFunction[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'function-'));
});

afterEach(async () => {
  await Promise.all(made.splice(0).map((each) => each.close()));
  await rm(directory, { recursive: true });
});

/** A function whose module is `source`. */
async function functionOf(
  source: string,
  settings: Partial<FunctionDefinition> = {},
): Promise<LocalFunction> {
  await writeFile(join(directory, 'index.mjs'), source);
  const created = createFunction(
    {
      name: 'fixture',
      arn: 'arn:aws:lambda:us-east-1:000000000000:function:fixture',
      directory,
      handler: 'index.handler',
      environment: { GIVEN: 'yes' },
      timeoutSeconds: 10,
      memoryMegabytes: 256,
      reservedConcurrency: undefined,
      ...settings,
    },
    createClock(),
  );
  made.push(created);
  return created;
}

const HANG = 'export const handler = (event) => new Promise((resolve) => { if (!event.hang) resolve(1); });';

async function payloadOf(failing: Promise<unknown>) {
  const error = await failing.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(FunctionError);
  return error instanceof FunctionError ? error.payload : undefined;
}

describe('an invocation', () => {
  it('passes event and result as JSON', async () => {
    const echo = await functionOf('export const handler = async (event) => ({ event, gone: undefined });');
    expect(await echo.invoke({ at: new Date(0) })).toEqual({ event: { at: '1970-01-01T00:00:00.000Z' } });
  });

  it('has its own environment variables and no others of this process', async () => {
    const environment = await functionOf('export const handler = async () => process.env;');
    const seen = await environment.invoke({});
    expect(seen).toMatchObject({ GIVEN: 'yes' });
    expect(seen).not.toHaveProperty('HOME');
  });

  it('has a context that counts down to the timeout', async () => {
    const source = `export const handler = async (event, context) => {
      const first = context.getRemainingTimeInMillis();
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { ...context, first, second: context.getRemainingTimeInMillis() };
    };`;
    const seen = await (await functionOf(source)).invoke({});
    expect(seen).toMatchObject({
      functionName: 'fixture',
      functionVersion: '$LATEST',
      memoryLimitInMB: '256',
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    const { first, second } = Object.assign({ first: 0, second: 0 }, seen);
    expect(first).toBeLessThanOrEqual(10_000);
    expect(second).toBeLessThan(first);
  });

  it('reuses the warm environment of the previous one', async () => {
    const counter = await functionOf('let count = 0; export const handler = async () => ++count;');
    expect([await counter.invoke({}), await counter.invoke({})]).toEqual([1, 2]);
  });

  it('never shares an environment with a concurrent one', async () => {
    const source = `let running = 0;
      export const handler = async () => {
        const seen = ++running;
        await new Promise((resolve) => setTimeout(resolve, 20));
        running--;
        return seen;
      };`;
    const exclusive = await functionOf(source);
    const seen = await Promise.all(Array.from({ length: 25 }, () => exclusive.invoke({})));
    expect(new Set(seen)).toEqual(new Set([1]));
  });
});

describe('a failed invocation', () => {
  it('returns name, message and stack trace of the error', async () => {
    const source = "export const handler = async () => { throw new TypeError('no good'); };";
    expect(await payloadOf((await functionOf(source)).invoke({}))).toMatchObject({
      errorType: 'TypeError',
      errorMessage: 'no good',
      trace: expect.arrayContaining(['TypeError: no good']),
    });
  });

  it('is stopped at the timeout, and the next one runs in a new environment', async () => {
    const hanging = await functionOf(HANG, { timeoutSeconds: 1 });
    const payload = await payloadOf(hanging.invoke({ hang: true }));
    expect(payload?.errorType).toBe('Sandbox.Timedout');
    expect(payload?.errorMessage).toContain('Task timed out after 1.00 seconds');
    expect(hanging.logs.map((line) => line.text).join('\n')).toContain('Task timed out after 1.00 seconds');
    expect(await hanging.invoke({})).toBe(1);
  });

  it('is stopped even in a busy loop', async () => {
    const spinning = await functionOf('export const handler = async () => { for (;;); };', {
      timeoutSeconds: 1,
    });
    expect((await payloadOf(spinning.invoke({})))?.errorType).toBe('Sandbox.Timedout');
  });

  it('can be killed while it runs, and the next one runs in a new environment', async () => {
    const hanging = await functionOf(HANG);
    const failing = payloadOf(hanging.invoke({ hang: true }));
    await eventually(() => expect(hanging.kill()).toBe(true));
    expect(await failing).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: 'Runtime exited with error: signal: killed',
    });
    expect(hanging.kill()).toBe(false);
    expect(await hanging.invoke({})).toBe(1);
  });

  it.each([
    ['exits', 'process.exit(3)', 'Runtime.ExitError'],
    ['throws outside of its promise', "setTimeout(() => { throw new RangeError('later'); })", 'RangeError'],
    ['leaves a rejection unhandled', "Promise.reject(new RangeError('nobody'))", 'RangeError'],
  ])('is reported when the function %s', async (_name, statement, errorType) => {
    const source = `export const handler = () => new Promise(() => { ${statement}; });`;
    expect((await payloadOf((await functionOf(source)).invoke({})))?.errorType).toBe(errorType);
  });

  it.each([
    [
      'keeps too many buffers',
      'const kept = []; for (let i = 0; i < 40; i++) { kept.push(Buffer.alloc(8e6, 1)); await null; }',
    ],
    [
      'keeps too many objects',
      'const kept = []; for (;;) { for (let i = 0; i < 1e4; i++) kept.push({ i }); await new Promise(setImmediate); }',
    ],
  ])('is reported when the function %s for its memory size', async (_name, statements) => {
    const source = `export const handler = async () => { ${statements} await new Promise(() => {}); return kept; };`;
    const greedy = await functionOf(source, { memoryMegabytes: 128 });
    const payload = await payloadOf(greedy.invoke({}));
    expect(payload?.errorType).toBe('Runtime.OutOfMemory');
  });

  it.each([
    ['a module that is missing', { handler: 'other.handler' }, 'Runtime.ImportModuleError'],
    ['a handler that is missing', { handler: 'index.other' }, 'Runtime.HandlerNotFound'],
    ['a handler with a callback', { handler: 'index.callback' }, 'Runtime.CallbackHandlerDeprecated'],
  ])('is reported for %s', async (_name, settings, errorType) => {
    const source =
      'export const handler = async () => 1; export const callback = (event, context, done) => done();';
    expect((await payloadOf((await functionOf(source, settings)).invoke({})))?.errorType).toBe(errorType);
  });
});

describe('concurrency', () => {
  it('is throttled above the reserved one', async () => {
    const hanging = await functionOf(HANG, { reservedConcurrency: 1 });
    const first = payloadOf(hanging.invoke({ hang: true }));
    await expect(hanging.invoke({})).rejects.toBeInstanceOf(FunctionThrottled);
    await eventually(() => expect(hanging.kill()).toBe(true));
    await first;
    expect(await hanging.invoke({})).toBe(1);
  });
});

describe('logs', () => {
  it('hold each line as written, and a report of the invocation', async () => {
    const talking = await functionOf(
      "export const handler = async () => { console.log('one\\ntwo'); console.error('é'); };",
    );
    await talking.invoke({});
    await eventually(() => {
      const lines = talking.logs.map((line) => `${line.source}: ${line.text}`);
      expect(lines).toEqual(expect.arrayContaining(['function: one', 'function: two', 'function: é']));
      expect(lines.join('\n')).toMatch(/runtime: REPORT RequestId: .* Max Memory Used: \d+ MB/);
    });
  });
});

describe('close', () => {
  it('stops running invocations and accepts no more', async () => {
    const hanging = await functionOf(HANG);
    const failing = payloadOf(hanging.invoke({ hang: true }));
    await hanging.close();
    await failing;
    await expect(hanging.invoke({})).rejects.toThrow('closed');
  });
});
