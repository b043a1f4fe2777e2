import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccountConcurrency } from '../../../../../infra/local/aws/lambda/concurrency.ts';
import {
  EventTooLarge,
  type FunctionDefinition,
  FunctionError,
  RecursionStopped,
} from '../../../../../infra/local/aws/lambda/protocol.ts';
import { createFunction, type LocalFunction } from '../../../../../infra/local/aws/lambda/runtime.ts';
import { type Clock, createClock } from '../../../../../infra/local/clock.ts';
import { eventually } from '../../eventually.ts';

let directory: string;
let clock: Clock;
let account: AccountConcurrency;
const made: LocalFunction[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'function-'));
  clock = createClock();
  account = new AccountConcurrency(1000);
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
      recursiveLoop: 'Terminate',
      ...settings,
    },
    { clock, account },
  );
  made.push(created);
  return created;
}

const HANG = 'export const handler = (event) => new Promise((resolve) => { if (!event.hang) resolve(1); });';

/** How many invocations have ended. */
function reports(each: LocalFunction): number {
  return each.logs.filter(({ text }) => text.startsWith('REPORT ')).length;
}

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

describe('the payload of an invocation', () => {
  /** Returns JSON of so many bytes. */
  const SIZED = 'export const handler = async ({ bytes }) => "a".repeat(bytes - 2);';

  it('may be a response of 6,291,556 bytes', async () => {
    const result = await (await functionOf(SIZED)).invoke({ bytes: 6_291_556 });
    expect(String(result)).toHaveLength(6_291_554);
  });

  it('is replaced by an error when the response is larger, and the environment goes on', async () => {
    const sized = await functionOf(SIZED);
    expect(await payloadOf(sized.invoke({ bytes: 6_291_557 }))).toEqual({
      errorType: 'Function.ResponseSizeTooLarge',
      errorMessage: 'Response payload size exceeded maximum allowed payload size (6291556 bytes).',
    });
    expect(await sized.invoke({ bytes: 3 })).toBe('a');
  });

  it('may be an event of 6 MB, or of 1 MB when Lambda keeps it', async () => {
    const lengths = await functionOf('export const handler = async (text) => text.length;');
    const textOf = (bytes: number) => 'a'.repeat(bytes - 2);
    expect(await lengths.invoke(textOf(6 * 2 ** 20))).toBe(6 * 2 ** 20 - 2);
    await expect(lengths.invoke(textOf(6 * 2 ** 20 + 1))).rejects.toBeInstanceOf(EventTooLarge);
    lengths.submit(textOf(2 ** 20));
    expect(() => lengths.submit(textOf(2 ** 20 + 1))).toThrow(EventTooLarge);
  });
});

describe('concurrency', () => {
  it('is throttled above the reserved one', async () => {
    account.reserve('fixture', 1);
    const hanging = await functionOf(HANG, { reservedConcurrency: 1 });
    const first = payloadOf(hanging.invoke({ hang: true }));
    await expect(hanging.invoke({})).rejects.toMatchObject({
      name: 'FunctionThrottled',
      reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    });
    expect(hanging.metrics.Throttles).toBe(1);
    await eventually(() => expect(hanging.kill()).toBe(true));
    await first;
    expect(await hanging.invoke({})).toBe(1);
  });

  it('is shared by the functions of an account', async () => {
    account = new AccountConcurrency(2);
    const one = await functionOf(HANG, { name: 'one' });
    const two = await functionOf(HANG, { name: 'two' });
    const hung = [one, two].map((each) => payloadOf(each.invoke({ hang: true })));
    await expect(one.invoke({})).rejects.toMatchObject({ reason: 'ConcurrentInvocationLimitExceeded' });
    await eventually(() => expect(two.kill()).toBe(true));
    await hung[1];
    expect(await one.invoke({})).toBe(1);
    await eventually(() => expect(one.kill()).toBe(true));
    await hung[0];
  });
});

describe('an asynchronous invocation', () => {
  /** Fails until it was called so often as the event says. */
  const FLAKY = `let calls = 0;
    export const handler = async ({ succeeds }) => {
      console.log('call', ++calls);
      if (calls < succeeds) throw new Error('not yet');
    };`;
  const calls = (each: LocalFunction) => each.logs.filter(({ text }) => text.startsWith('call ')).length;

  it('is tried again twice after the function failed, and then given up', async () => {
    const flaky = await functionOf(FLAKY);
    flaky.submit({ succeeds: 9 });
    await eventually(() => expect(calls(flaky)).toBe(1));
    for (const [minutes, expected] of [
      [1, 2],
      [2, 3],
    ] as const) {
      await eventually(() => expect(reports(flaky)).toBe(expected - 1));
      clock.advance(minutes * 60_000);
      await eventually(() => expect(calls(flaky)).toBe(expected));
    }
    await eventually(() => expect(flaky.metrics.AsyncEventsDropped).toBe(1));
    clock.advance(3_600_000);
    expect(await flaky.invoke({ succeeds: 4 })).toBeNull();
    expect(calls(flaky)).toBe(4);
  });

  it('is not tried again where the settings say so', async () => {
    const flaky = await functionOf(FLAKY);
    flaky.configureAsync({ retryAttempts: 0, maxAgeSeconds: 21_600 });
    flaky.submit({ succeeds: 2 });
    await eventually(() => expect(flaky.metrics.AsyncEventsDropped).toBe(1));
    expect(calls(flaky)).toBe(1);
  });

  it('is kept while the function is throttled', async () => {
    account = new AccountConcurrency(1);
    const hanging = await functionOf(HANG);
    const busy = payloadOf(hanging.invoke({ hang: true }));
    hanging.submit({});
    await eventually(() => expect(hanging.metrics.Throttles).toBe(1));
    await eventually(() => expect(hanging.kill()).toBe(true));
    await busy;
    clock.advance(1000);
    await eventually(() => expect(reports(hanging)).toBe(1));
    expect(hanging.metrics.AsyncEventsDropped).toBe(0);
  });
});

describe('a chain of invocations', () => {
  const TRACE = 'export const handler = async () => process.env._X_AMZN_TRACE_ID;';
  const invokeChained = async (each: LocalFunction, times: number) => {
    let trace: string | undefined;
    for (let count = 0; count < times; count++) trace = String(await each.invoke({}, trace));
    return trace;
  };

  it('is stopped before its 17th invocation of the same function', async () => {
    const traced = await functionOf(TRACE);
    const trace = await invokeChained(traced, 16);
    await expect(traced.invoke({}, trace)).rejects.toBeInstanceOf(RecursionStopped);
    expect(traced.metrics.RecursiveInvocationsDropped).toBe(1);
    traced.submit({}, trace);
    await eventually(() => expect(traced.metrics.AsyncEventsDropped).toBe(1));
  });

  it('goes on where the function allows recursive loops', async () => {
    const allowed = await functionOf(TRACE, { recursiveLoop: 'Allow' });
    expect(await invokeChained(allowed, 20)).toMatch(/^Root=1-.*;Lineage=[0-9a-f]{8}:20$/);
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
