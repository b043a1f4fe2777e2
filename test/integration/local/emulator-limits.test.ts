import { GetQueueAttributesCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../../infra/local/emulator.ts';
import type { JsonObject } from '../../../infra/local/json.ts';
import {
  type AssemblyFixture,
  assemblyFixture,
  httpApiOf,
  QUEUE_ROLE,
} from './cloudformation/assembly-fixture.ts';
import { eventually } from './eventually.ts';

let running: AsyncDisposableStack;
let files: AssemblyFixture;

beforeEach(async () => {
  running = new AsyncDisposableStack();
  files = await assemblyFixture();
  running.defer(() => files.remove());
});

afterEach(() => running.disposeAsync());

async function start(Resources: JsonObject, accountConcurrency?: number): Promise<Emulator> {
  const Outputs = Object.fromEntries(
    Object.entries(Resources).flatMap(([id, resource]) =>
      JSON.stringify(resource).includes('AWS::SQS::Queue') ? [[id, { Value: { Ref: id } }]] : [],
    ),
  );
  await files.write({
    Resources: { Role: QUEUE_ROLE, ...Resources },
    Outputs,
  });
  const emulator = await startEmulator({
    assembly: files.directory,
    schedules: 'automatic',
    accountConcurrency,
  });
  running.defer(() => emulator.close());
  return emulator;
}

/** A function whose calls are lines of its log. */
async function aFunction(name: string, statements: string, properties: JsonObject = {}): Promise<JsonObject> {
  const source = `export const handler = async (event) => { console.log('call'); ${statements} };`;
  return {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Code: await files.code(source),
      Handler: 'index.handler',
      Runtime: 'nodejs24.x',
      Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
      Timeout: 60,
      MemorySize: 256,
      Environment: { Variables: { POWERTOOLS_SERVICE_NAME: name, QUEUE_URL: { Ref: 'Queue' } } },
      ...properties,
    },
  };
}

function queueInto(FunctionName: string, MaximumConcurrency: number): JsonObject {
  return {
    DeadLetters: { Type: 'AWS::SQS::Queue' },
    Queue: {
      Type: 'AWS::SQS::Queue',
      Properties: {
        VisibilityTimeout: 60,
        RedrivePolicy: {
          deadLetterTargetArn: { 'Fn::GetAtt': ['DeadLetters', 'Arn'] },
          maxReceiveCount: 2,
        },
      },
    },
    Mapping: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        BatchSize: 1,
        EventSourceArn: { 'Fn::GetAtt': ['Queue', 'Arn'] },
        FunctionName: { Ref: FunctionName },
        ScalingConfig: { MaximumConcurrency },
      },
    },
  };
}

const calls = (emulator: Emulator, name: string) =>
  emulator.functions.logs(name).filter((line) => line === 'call').length;

/** Visible and hidden messages. */
async function depth({ clients, outputs }: Emulator, queue: string): Promise<number[]> {
  const { Attributes } = await clients.sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: outputs[queue], AttributeNames: ['All'] }),
  );
  return [
    Number(Attributes?.ApproximateNumberOfMessages),
    Number(Attributes?.ApproximateNumberOfMessagesNotVisible),
  ];
}

const send = ({ clients, outputs }: Emulator, MessageBody: string) =>
  clients.sqs.send(new SendMessageCommand({ QueueUrl: outputs.Queue, MessageBody }));

describe('the concurrency of the account', () => {
  it('is 10, and returns 503 at the API while another function uses all of it', async () => {
    const emulator = await start({
      Busy: await aFunction('busy', 'await new Promise(() => {});'),
      Api1: await aFunction('quick', 'return "fine";'),
      ...queueInto('Busy', 10),
      ...httpApiOf('Api1'),
    });
    expect(await (await fetch(`${emulator.apiOrigin}/`)).text()).toBe('fine');
    for (let count = 0; count < 10; count++) await send(emulator, 'stay');
    await eventually(() => expect(calls(emulator, 'busy')).toBe(10));
    const response = await fetch(`${emulator.apiOrigin}/`);
    expect([response.status, await response.text()]).toEqual([503, '{"message":"Service Unavailable"}']);
    expect(emulator.functions.metrics('quick').Throttles).toBe(1);
    expect(emulator.functions.kill('busy')).toBe(true);
    await eventually(async () => expect((await fetch(`${emulator.apiOrigin}/`)).status).toBe(200));
  });

  it('keeps a reservation for its function', async () => {
    const emulator = await start(
      {
        Busy: await aFunction('busy', 'await new Promise(() => {});', { ReservedConcurrentExecutions: 1 }),
        ...queueInto('Busy', 2),
      },
      101,
    );
    await send(emulator, 'stay');
    await send(emulator, 'wait');
    await eventually(() => expect(calls(emulator, 'busy')).toBe(1));
    const before = emulator.functions.metrics('busy').Throttles;
    await eventually(() => expect(emulator.functions.metrics('busy').Throttles).toBeGreaterThan(before));
    expect(calls(emulator, 'busy')).toBe(1);
  });

  it('does not deploy a reservation that a new account has no room for', async () => {
    const reserving = await aFunction('reserving', '', { ReservedConcurrentExecutions: 1 });
    const Queue = { Type: 'AWS::SQS::Queue' };
    await expect(start({ Reserving: reserving, Queue })).rejects.toThrow(
      "decreases account's UnreservedConcurrentExecution below its minimum value of [10]",
    );
  });
});

describe('a function', () => {
  it.each([
    ['deploys with 4 KB of environment variables', 4096, true],
    ['does not deploy with more', 4097, false],
  ])('%s', async (_, bytes, isDeployed) => {
    const Variables = { A: 'x'.repeat(bytes - 1) };
    const large = await aFunction('large', '', { Environment: { Variables } });
    const started = start({ Large: large, Queue: { Type: 'AWS::SQS::Queue' } });
    const outcome = await started.then(
      () => true,
      (error: unknown) => String(error),
    );
    expect(outcome).toEqual(isDeployed || expect.stringContaining('exceed the 4 KB that Lambda takes'));
  });
});

describe('a function that sends to its own queue', () => {
  const AGAIN = `const { SQSClient, SendMessageCommand } = await import('${import.meta.resolve('@aws-sdk/client-sqs')}');
    await new SQSClient({}).send(new SendMessageCommand({ QueueUrl: process.env.QUEUE_URL, MessageBody: 'again' }));`;

  it('is stopped after 16 invocations of a chain, and the message is dead-lettered', async () => {
    const emulator = await start({ Loop: await aFunction('loop', AGAIN), ...queueInto('Loop', 2) });
    await send(emulator, 'first');
    for (const stopped of [1, 2]) {
      await eventually(() =>
        expect(emulator.functions.metrics('loop').RecursiveInvocationsDropped).toBe(stopped),
      );
      // All others are deleted by then, so that the clock makes only this one visible again.
      await eventually(async () => expect(await depth(emulator, 'Queue')).toEqual([0, 1]));
      expect(calls(emulator, 'loop')).toBe(16);
      emulator.clock.advance(60_000);
    }
    await eventually(async () => expect(await depth(emulator, 'DeadLetters')).toEqual([1, 0]));
    expect(calls(emulator, 'loop')).toBe(16);
  });

  it('goes on where the template allows it', async () => {
    const emulator = await start({
      Loop: await aFunction('loop', AGAIN, { RecursiveLoop: 'Allow' }),
      ...queueInto('Loop', 2),
    });
    await send(emulator, 'first');
    await eventually(() => expect(calls(emulator, 'loop')).toBeGreaterThan(17));
    expect(emulator.functions.metrics('loop').RecursiveInvocationsDropped).toBe(0);
  });
});

describe('a schedule', () => {
  it('invokes asynchronously: its function is tried again as often as its settings say', async () => {
    const once = await aFunction('once', "throw new Error('no');");
    const emulator = await start({
      Queue: { Type: 'AWS::SQS::Queue' },
      Once: once,
      Usual: await aFunction('usual', "throw new Error('no');"),
      OnceConfig: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: { FunctionName: { Ref: 'Once' }, Qualifier: '$LATEST', MaximumRetryAttempts: 0 },
      },
      Rule: {
        Type: 'AWS::Events::Rule',
        Properties: {
          ScheduleExpression: 'rate(1 hour)',
          Targets: ['Once', 'Usual'].map((id) => ({ Arn: { 'Fn::GetAtt': [id, 'Arn'] }, Id: id })),
        },
      },
    });
    emulator.clock.advance(3_600_000);
    await eventually(() => expect(emulator.functions.metrics('once').AsyncEventsDropped).toBe(1));
    await eventually(() => expect(calls(emulator, 'usual')).toBe(1));
    await eventually(() => {
      emulator.clock.advance(10_000);
      expect(emulator.functions.metrics('usual').AsyncEventsDropped).toBe(1);
    });
    expect([calls(emulator, 'once'), calls(emulator, 'usual')]).toEqual([1, 3]);
  });
});
