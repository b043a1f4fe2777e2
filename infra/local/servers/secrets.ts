import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import * as v from 'valibot';
import { type LocalServer, listen } from './listen.ts';
import { SecretsManagerError, SecretsStore, type SecretVersion } from './secrets-store.ts';

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

/** Starts a Secrets Manager with the calls that the project makes: AWS JSON 1.1, AWS's error codes. */
export async function startSecretsManager(now: () => number): Promise<LocalServer> {
  const store = new SecretsStore(now);
  const server = createServer((request, response) => {
    answer(request, store).then(
      (body) => send(response, 200, body),
      (error: unknown) => send(response, ...failure(error)),
    );
  });
  return listen(server);
}

async function answer(request: IncomingMessage, store: SecretsStore): Promise<object> {
  const target = String(request.headers['x-amz-target'] ?? '');
  const body: unknown = JSON.parse(await text(request));
  switch (target) {
    case 'secretsmanager.CreateSecret': {
      const input = v.parse(createRequest, body);
      const secret = store.create(input.Name, input.SecretString, input.Description, regionOf(request));
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
