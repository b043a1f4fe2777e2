import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Emulator, startEmulator } from '../../../infra/local/emulator.ts';
import type { Json, JsonObject } from '../../../infra/local/json.ts';
import { type AssemblyFixture, assemblyFixture, httpApiOf } from './cloudformation/assembly-fixture.ts';

let running: AsyncDisposableStack;
let files: AssemblyFixture;

beforeEach(async () => {
  running = new AsyncDisposableStack();
  files = await assemblyFixture();
  running.defer(() => files.remove());
});

afterEach(() => running.disposeAsync());

/** Starts an API with the route `GET /` and a stage that throttles some routes, made in this order. */
async function start(RouteSettings: JsonObject, DependsOn: Json[]): Promise<Emulator> {
  const source = 'export const handler = async () => ({ statusCode: 200 });';
  await files.write({
    Resources: {
      ...httpApiOf('Function', 'GET /'),
      Stage: {
        Type: 'AWS::ApiGatewayV2::Stage',
        Properties: { ApiId: { Ref: 'Api' }, StageName: '$default', RouteSettings },
        DependsOn,
      },
      Role: { Type: 'AWS::IAM::Role', Properties: {} },
      Function: {
        Type: 'AWS::Lambda::Function',
        Properties: {
          Code: await files.code(source),
          Handler: 'index.handler',
          Runtime: 'nodejs24.x',
          Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
          Timeout: 10,
        },
      },
    },
  });
  const emulator = await startEmulator({ assembly: files.directory });
  running.defer(() => emulator.close());
  return emulator;
}

const ONE = { ThrottlingRateLimit: 0.001, ThrottlingBurstLimit: 1 };

describe('the stage of an HTTP API', () => {
  it('throttles a route that it comes after', async () => {
    const { apiOrigin } = await start({ 'GET /': ONE }, ['Route']);
    const statuses = [await fetch(`${apiOrigin}/`), await fetch(`${apiOrigin}/`)].map(({ status }) => status);
    expect(statuses).toEqual([200, 429]);
  });

  it.each([
    ['is made later', { 'GET /': ONE }, [], 'GET /'],
    ['does not exist', { 'POST /': ONE }, ['Route'], 'POST /'],
  ])('is refused when it throttles a route that %s', async (_, settings, dependsOn, key) => {
    await expect(start(settings, dependsOn)).rejects.toThrow(
      `Unable to find Route by key ${key} within the provided RouteSettings`,
    );
  });
});
