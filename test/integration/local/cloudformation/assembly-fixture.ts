import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../../../infra/local/json.ts';

/** A cloud assembly written by hand. */
export interface AssemblyFixture {
  readonly directory: string;
  /** `Code` of a function whose module is `source`. */
  code(source: string): Promise<JsonObject>;
  /** Writes the assembly: nothing of it is there before. */
  write(template: JsonObject): Promise<void>;
  remove(): Promise<void>;
}

/** A role that may do with every queue what Lambda's poller and a function that sends messages do. */
export const QUEUE_ROLE: JsonObject = {
  Type: 'AWS::IAM::Role',
  Properties: {
    Policies: [
      {
        PolicyName: 'Queues',
        PolicyDocument: {
          Version: '2012-10-17',
          Statement: [
            {
              Effect: 'Allow',
              Action: [
                'sqs:ReceiveMessage',
                'sqs:DeleteMessage',
                'sqs:GetQueueAttributes',
                'sqs:SendMessage',
              ],
              Resource: '*',
            },
          ],
        },
      },
    ],
  },
};

/** An HTTP API with one route to a function, by its logical id: `Api`, `Stage`, `Integration` and `Route`. */
export function httpApiOf(functionId: string, RouteKey = '$default'): JsonObject {
  const api = { ApiId: { Ref: 'Api' } };
  return {
    Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'api', ProtocolType: 'HTTP' } },
    Stage: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: { ...api, StageName: '$default', AutoDeploy: true },
    },
    Integration: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ...api,
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: { 'Fn::GetAtt': [functionId, 'Arn'] },
        PayloadFormatVersion: '2.0',
      },
    },
    Route: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ...api,
        RouteKey,
        Target: { 'Fn::Join': ['', ['integrations/', { Ref: 'Integration' }]] },
      },
    },
  };
}

/** An empty assembly in a temporary directory, of one stack called `Fixture`. */
export async function assemblyFixture(): Promise<AssemblyFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'assembly-'));
  const files: Record<string, JsonObject> = {};
  return {
    directory,
    async code(source) {
      const hash = `hash${Object.keys(files).length}`;
      await mkdir(join(directory, `asset.${hash}`));
      await writeFile(join(directory, `asset.${hash}`, 'index.mjs'), source);
      files[hash] = {
        source: { path: `asset.${hash}`, packaging: 'zip' },
        destinations: { current: { bucketName: 'assets', objectKey: `${hash}.zip` } },
      };
      return { S3Bucket: 'assets', S3Key: `${hash}.zip` };
    },
    async write(template) {
      const manifest = {
        artifacts: {
          Fixture: {
            type: 'aws:cloudformation:stack',
            properties: { templateFile: 'Fixture.template.json' },
          },
          'Fixture.assets': { type: 'cdk:asset-manifest', properties: { file: 'Fixture.assets.json' } },
        },
      };
      await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
      await writeFile(join(directory, 'Fixture.assets.json'), JSON.stringify({ files }));
      await writeFile(join(directory, 'Fixture.template.json'), JSON.stringify(template));
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
