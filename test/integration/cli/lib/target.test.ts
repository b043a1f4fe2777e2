import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDynamoDb } from '../../../../infra/local/aws/dynamodb.ts';
import { runCli } from '../../../support/run-cli.ts';

let folder: string;
let cloudFormation: Server;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'target-'));
  cloudFormation = createServer((request, response) => void describeStack(request, response));
  cloudFormation.listen(0, '127.0.0.1');
  await once(cloudFormation, 'listening');
});
afterAll(async () => {
  cloudFormation.close();
  await rm(folder, { recursive: true });
});

/** CloudFormation's responses as in its API reference. */
async function describeStack(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const stack = new URLSearchParams(await text(request)).get('StackName');
  const outputs =
    '<member><OutputKey>TableName</OutputKey><OutputValue>the-table-of-the-stack</OutputValue></member>';
  const described = (inner: string) =>
    `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><Outputs>${inner}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
  const missing =
    '<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id Gone does not exist</Message></Error></ErrorResponse>';
  const isThere = stack === 'ZencoderRecovery' || stack === 'SomethingElse';
  response.writeHead(isThere ? 200 : 400, { 'content-type': 'text/xml' });
  response.end(isThere ? described(stack === 'ZencoderRecovery' ? outputs : '') : missing);
}

async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const { stderr, code } = await runCli('failures', args, { cwd: folder, environment });
  return { code, said: stderr.trim() };
}

describe('the target of a deployed stack', () => {
  const deployed = (): NodeJS.ProcessEnv => {
    const address = cloudFormation.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    return {
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_MAX_ATTEMPTS: '1',
      AWS_ENDPOINT_URL_CLOUDFORMATION: `http://127.0.0.1:${port}`,
      AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:9',
    };
  };

  it('is found by the outputs of the stack, ZencoderRecovery by default', async () => {
    const dynamoDb = await startDynamoDb();
    const { code, said } = await run([], { ...deployed(), AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.endpoint });
    await dynamoDb.close();
    expect(code).toBe(1);
    expect(said).toBe(
      'failures: table the-table-of-the-stack of stack ZencoderRecovery does not exist in this account and region',
    );
  });

  it('fails without waiting when CloudFormation does not respond', async () => {
    const { code, said } = await run(['--since', '1h'], deployed());
    expect(code).toBe(1);
    expect(said).toMatch(/^failures: no response \(connect ECONNREFUSED 127\.0\.0\.1:9\)/);
  });

  it('is reported when the stack does not exist or is of another application', async () => {
    const [gone, other] = await Promise.all([
      run(['--stack', 'Gone'], deployed()),
      run(['--stack', 'SomethingElse'], deployed()),
    ]);
    expect([gone.code, other.code]).toEqual([1, 1]);
    expect(gone.said).toContain('there is no stack Gone in this account and region');
    expect(other.said).toContain('stack SomethingElse has no output TableName');
  });

  it('requires a region and credentials, and reports how to set them', async () => {
    const nowhere = { AWS_EC2_METADATA_DISABLED: 'true', HOME: folder };
    const [noRegion, noCredentials] = await Promise.all([
      run([], nowhere),
      run([], { ...nowhere, AWS_REGION: 'us-east-1' }),
    ]);
    expect([noRegion.code, noCredentials.code]).toEqual([1, 1]);
    expect(noRegion.said).toContain('no AWS region: set AWS_REGION');
    expect(noCredentials.said).toContain('no AWS credentials: sign in');
  });
});

describe('the target of the local stack', () => {
  it('reports how to start it when it is not running, or what to do with a damaged state file', async () => {
    expect((await run(['--local'])).said).toContain('run npm start');
    await mkdir(join(folder, '.local'));
    await writeFile(join(folder, '.local/stack.json'), '{"endpoints": 1}');
    const damaged = await run(['--local']);
    expect(damaged).toEqual({
      code: 1,
      said: 'failures: .local/stack.json is damaged: stop npm start and start it again',
    });
  });
});
