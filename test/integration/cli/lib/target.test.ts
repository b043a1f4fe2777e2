import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { findAccess } from '../../../../infra/cli/lib/aws-access.ts';
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
    `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>arn:aws:cloudformation:us-east-1:111122223333:stack/x/1</StackId><Outputs>${inner}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`;
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
      'failures: table the-table-of-the-stack of stack ZencoderRecovery in us-east-1 does not exist in this account',
    );
  });

  it('fails without waiting when CloudFormation does not respond', async () => {
    const { code, said } = await run(['--since', '1h'], deployed());
    expect(code).toBe(1);
    expect(said).toMatch(
      /^failures: stack ZencoderRecovery in us-east-1: no response \(connect ECONNREFUSED 127\.0\.0\.1:9\)/,
    );
  });

  it('is reported when the stack does not exist or is of another application', async () => {
    const [gone, other] = await Promise.all([
      run(['--stack', 'Gone'], deployed()),
      run(['--stack', 'SomethingElse'], deployed()),
    ]);
    expect([gone.code, other.code]).toEqual([1, 1]);
    expect(gone.said).toContain('there is no stack Gone in this account and region');
    expect(other.said).toContain('stack SomethingElse in us-east-1 has no output TableName');
  });

  it('requires credentials, and reports how to set them', async () => {
    const nowhere = { AWS_EC2_METADATA_DISABLED: 'true', HOME: folder };
    const { code, said } = await run([], nowhere);
    expect(code).toBe(1);
    expect(said).toContain('stack ZencoderRecovery in us-east-1: no AWS credentials: sign in');
    expect(said).toContain('Could not load credentials from any providers');
  });

  it('is named by cdk.json where --stack does not name it', async () => {
    const home = await mkdtemp(join(folder, 'named-'));
    await writeFile(join(home, 'cdk.json'), '{"context": {"stackName": "SomethingElse"}}');
    const options = { cwd: home, environment: deployed() };
    const [configured, named] = await Promise.all([
      runCli('failures', [], options),
      runCli('failures', ['--stack', 'Gone'], options),
    ]);
    expect(configured.stderr).toContain('stack SomethingElse in us-east-1 has no output TableName');
    expect(named.stderr).toContain('there is no stack Gone');
  });

  it('is looked for in the region of the profile, and an expired sign-in says how to renew it', async () => {
    const config = join(folder, 'config');
    const sso =
      'sso_start_url = https://sso.example\nsso_region = eu-west-1\nsso_account_id = 111122223333\nsso_role_name = ops\n';
    await writeFile(config, `[profile ops]\nregion = eu-north-1\n${sso}`);
    const { said } = await run([], { HOME: folder, AWS_CONFIG_FILE: config, AWS_PROFILE: 'ops' });
    expect(said).toContain('stack ZencoderRecovery in eu-north-1: sign in: aws sso login --profile ops.');
    expect(said).toContain('The AWS SDK says: The SSO session');
  });

  it('is printed with account and region before anything is written, not with a result', async () => {
    const { code, stdout, stderr } = await runCli('redrive', ['--job', '1', '--json'], {
      cwd: folder,
      environment: deployed(),
    });
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^Stack ZencoderRecovery in us-east-1, account 111122223333\n/);
    expect(code).toBe(1);
  });
});

describe('findAccess', () => {
  it('asks for the code of a profile with mfa_serial and sends it with the device', async () => {
    const sts = createServer((request, response) => void assumeRole(request, response));
    const asked: string[] = [];
    const assumed: URLSearchParams[] = [];
    async function assumeRole(request: IncomingMessage, response: ServerResponse): Promise<void> {
      assumed.push(new URLSearchParams(await text(request)));
      const expires = new Date(Date.now() + 3_600_000).toISOString();
      response.writeHead(200, { 'content-type': 'text/xml' });
      response.end(
        `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>${expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
      );
    }
    sts.listen(0, '127.0.0.1');
    await once(sts, 'listening');
    const address = sts.address();
    const config = join(folder, 'mfa-config');
    const device = 'arn:aws:iam::111122223333:mfa/jane';
    await writeFile(
      config,
      `[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n[profile mfa]\nregion = eu-west-1\nsource_profile = base\nrole_arn = arn:aws:iam::111122223333:role/ops\nmfa_serial = ${device}\n`,
    );
    vi.stubEnv('AWS_CONFIG_FILE', config);
    vi.stubEnv(
      'AWS_ENDPOINT_URL_STS',
      `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    );
    try {
      const { region, credentials } = await findAccess({ AWS_PROFILE: 'mfa' }, async (each) => {
        asked.push(each);
        return '123456';
      });
      expect([region, await credentials()]).toMatchObject(['eu-west-1', { accessKeyId: 'ASIAROLE' }]);
    } finally {
      vi.unstubAllEnvs();
      sts.close();
    }
    expect(asked).toEqual([device]);
    expect(assumed.map((form) => [form.get('SerialNumber'), form.get('TokenCode')])).toEqual([
      [device, '123456'],
    ]);
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
