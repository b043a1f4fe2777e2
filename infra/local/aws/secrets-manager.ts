import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as v from 'valibot';
import type { Gate } from './iam/access.ts';
import { contextOf } from './iam/actions/context.ts';
import { type LocalServer, listen } from './listen.ts';
import { type GivenSecret, SecretsManagerError, SecretsStore, type SecretVersion } from './secrets-store.ts';
import { accessKeyOf } from './service-request.ts';

const token = v.optional(v.string());
const createRequest = v.object({
  Name: v.string(),
  SecretString: v.string(),
  Description: v.optional(v.string()),
  ClientRequestToken: token,
});
const getRequest = v.object({
  SecretId: v.string(),
  VersionId: v.optional(v.string()),
  VersionStage: v.optional(v.string()),
});
const putRequest = v.object({
  SecretId: v.string(),
  SecretString: v.string(),
  ClientRequestToken: token,
  VersionStages: v.optional(v.array(v.string())),
});
const describeRequest = v.object({ SecretId: v.string() });

export interface SecretsManagerOptions {
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Decides who may do what. @default every caller may do everything */
  readonly gate?: Gate | undefined;
  readonly secrets?: readonly GivenSecret[] | undefined;
}

/** Starts a Secrets Manager with the calls that the project makes: AWS JSON 1.1, AWS's error codes. */
export async function startSecretsManager(options: SecretsManagerOptions): Promise<LocalServer> {
  const store = new SecretsStore(options.now);
  for (const { arn, value } of options.secrets ?? []) {
    const [, , , region = '', , , name = ''] = arn.split(':');
    store.create(name.slice(0, -7), value, { region, suffix: arn.slice(-6) });
  }
  const server = createServer((request, response) => {
    respond(request, store, options.gate).then(
      (body) => send(response, 200, body),
      (error: unknown) => send(response, ...failure(error)),
    );
  });
  return listen(server);
}

async function respond(
  request: IncomingMessage,
  store: SecretsStore,
  gate: Gate | undefined,
): Promise<object> {
  const target = String(request.headers['x-amz-target'] ?? '');
  const body: unknown = JSON.parse(await text(request));
  if (gate !== undefined) requireAccess(gate, request, target.split('.')[1] ?? '', resourceOf(body, store));
  switch (target) {
    case 'secretsmanager.CreateSecret': {
      const input = v.parse(createRequest, body);
      const secret = store.create(input.Name, input.SecretString, {
        description: input.Description,
        region: regionOf(request),
      });
      return { ARN: secret.arn, Name: secret.name, VersionId: secret.versions[0]?.id };
    }
    case 'secretsmanager.GetSecretValue': {
      const input = v.parse(getRequest, body);
      const secret = store.find(input.SecretId);
      const version = store.get(input.SecretId, input.VersionId, input.VersionStage);
      return {
        ARN: secret.arn,
        Name: secret.name,
        SecretString: version.value,
        CreatedDate: version.created / 1000,
        ...stagesOf(version),
      };
    }
    case 'secretsmanager.PutSecretValue': {
      const input = v.parse(putRequest, body);
      const secret = store.find(input.SecretId);
      const stages = input.VersionStages ?? ['AWSCURRENT'];
      const version = store.put(input.SecretId, input.SecretString, input.ClientRequestToken, stages);
      return { ARN: secret.arn, Name: secret.name, ...stagesOf(version) };
    }
    case 'secretsmanager.DescribeSecret': {
      const secret = store.find(v.parse(describeRequest, body).SecretId);
      const staged = secret.versions.filter((version) => version.stages.size > 0);
      return {
        ARN: secret.arn,
        Name: secret.name,
        Description: secret.description,
        CreatedDate: secret.created / 1000,
        LastChangedDate: secret.changed / 1000,
        VersionIdsToStages: Object.fromEntries(staged.map((version) => [version.id, [...version.stages]])),
      };
    }
    default:
      throw new SecretsManagerError('UnknownOperationException', `${target} is not served locally`);
  }
}

const named = v.object({ SecretId: v.optional(v.string()), Name: v.optional(v.string()) });

/** ARN of the secret that a request is about, also of one that is still to be made. */
function resourceOf(body: unknown, store: SecretsStore): string {
  const { SecretId, Name } = v.parse(named, body);
  return SecretId === undefined
    ? `arn:aws:secretsmanager:us-east-1:000000000000:secret:${Name ?? '*'}`
    : store.find(SecretId).arn;
}

/**
 * Each operation has an action of its own name
 * (https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecretsmanager.html).
 *
 * @throws {SecretsManagerError} as AWS refuses
 */
function requireAccess(gate: Gate, request: IncomingMessage, operation: string, resource: string): void {
  const context = contextOf(request.headers['x-forwarded-proto'] !== 'http');
  const action = `secretsmanager:${operation}`;
  const decision = gate.authorize(accessKeyOf(request.headers), [{ action, resource, context }]);
  if (decision.allowed) return;
  const code = decision.reason === 'denied' ? 'AccessDeniedException' : 'UnrecognizedClientException';
  throw new SecretsManagerError(code, decision.message);
}

function stagesOf(version: SecretVersion): object {
  return { VersionId: version.id, VersionStages: [...version.stages] };
}

function failure(error: unknown): [number, object] {
  if (error instanceof SecretsManagerError) {
    return [400, { __type: error.code, Message: error.message }];
  }
  if (error instanceof v.ValiError || error instanceof SyntaxError) {
    return [400, { __type: 'ValidationException', Message: error.message }];
  }
  return [500, { __type: 'InternalServiceError', Message: String(error) }];
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body));
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** The region that the caller signed for. */
function regionOf(request: IncomingMessage): string {
  return /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? 'us-east-1';
}
