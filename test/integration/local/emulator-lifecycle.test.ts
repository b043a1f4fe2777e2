import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startMessaging } from '../../../infra/local/aws/messaging.ts';
import { createClock } from '../../../infra/local/clock.ts';
import { startEmulator } from '../../../infra/local/emulator.ts';
import type { JsonObject } from '../../../infra/local/json.ts';
import { type AssemblyFixture, assemblyFixture } from './cloudformation/assembly-fixture.ts';

let fixture: AssemblyFixture;

beforeEach(async () => {
  fixture = await assemblyFixture();
});

afterEach(() => fixture.remove());

const start = async (Resources: JsonObject, env: NodeJS.ProcessEnv = {}) => {
  await fixture.write({ Resources, Outputs: { Queue: { Value: { Ref: 'Queue' } } } });
  return startEmulator({ assembly: fixture.directory, env });
};

const QUEUE = { Queue: { Type: 'AWS::SQS::Queue' } };

describe('startEmulator with an unsupported template', () => {
  it.each<[string, JsonObject, string]>([
    [
      'an unknown resource type',
      { Stream: { Type: 'AWS::Kinesis::Stream' } },
      'knows neither how to make nor to leave out: Resources.Stream (AWS::Kinesis::Stream)',
    ],
    [
      'a reference to nothing',
      { Queue: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'Gone' } } } },
      'Resources.Queue.Properties.QueueName.Ref: nothing is called Gone',
    ],
    [
      'resources that need each other',
      {
        A: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'B' } } },
        B: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'A' } } },
      },
      'circular dependency: A → B → A',
    ],
    [
      'a function of another runtime',
      {
        F: {
          Type: 'AWS::Lambda::Function',
          Properties: { Runtime: 'python3.13', Handler: 'a.b', Code: { S3Key: 'x' } },
        },
      },
      'AWS::Lambda::Function F: runtime python3.13 does not run locally',
    ],
    [
      'a wrong property',
      { Queue: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 'long' } } },
      'AWS::SQS::Queue Queue: VisibilityTimeout',
    ],
  ])('fails for %s', async (_name, resources, message) => {
    await expect(start(resources)).rejects.toThrow(message);
  });

  it('leaves no files or servers behind', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'lifecycle-'));
    vi.stubEnv('TMPDIR', temporary);
    await expect(
      start({ Queue: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 'x' } } }),
    ).rejects.toThrow();
    vi.unstubAllEnvs();
    expect(await readdir(temporary)).toEqual([]);
    await rm(temporary, { recursive: true });
  });
});

describe('a local stack', () => {
  it('removes its directory and stops its servers on close', async () => {
    const emulator = await start(QUEUE);
    expect(existsSync(emulator.dir)).toBe(true);
    await emulator.close();
    expect(existsSync(emulator.dir)).toBe(false);
    for (const endpoint of Object.values(emulator.endpoints)) await expect(fetch(endpoint)).rejects.toThrow();
  });

  it('uses the endpoints and keys of the environment', async () => {
    const other = await startMessaging(createClock());
    const emulator = await start(QUEUE, {
      AWS_ENDPOINT_URL_SQS: other.endpoint,
      AWS_ENDPOINT_URL_SNS: other.endpoint,
      AWS_ACCESS_KEY_ID: 'given',
      AWS_SECRET_ACCESS_KEY: 'also given',
    });
    expect(emulator.endpoints.sqs).toBe(other.endpoint);
    expect(emulator.outputs.Queue).toContain(`${other.endpoint}/000000000000/Fixture-Queue-`);
    expect(emulator.credentials).toMatchObject({ accessKeyId: 'given', secretAccessKey: 'also given' });
    await emulator.close();
    expect((await fetch(`${other.endpoint}/health`)).status).toBe(200);
    await other.close();
  });
});
