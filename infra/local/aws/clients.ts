import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { S3Client } from '@aws-sdk/client-s3';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SNSClient } from '@aws-sdk/client-sns';
import { SQSClient } from '@aws-sdk/client-sqs';
import type { Credentials } from './listen.ts';
import type { Endpoints } from './servers.ts';

/** Real SDK clients of a local stack's servers. */
export interface LocalClients {
  readonly s3: S3Client;
  readonly sqs: SQSClient;
  readonly sns: SNSClient;
  readonly dynamodb: DynamoDBClient;
  readonly secretsManager: SecretsManagerClient;
  /** Closes their sockets. */
  destroy(): void;
}

/** Clients that act as the stack's owner. */
export function createClients(endpoints: Endpoints, region: string, credentials: Credentials): LocalClients {
  // A copy: the SDK writes into what it is given.
  const shared = { region, credentials: { ...credentials } };
  const s3 = new S3Client({ ...shared, endpoint: endpoints.s3 });
  const sqs = new SQSClient({ ...shared, endpoint: endpoints.sqs });
  const sns = new SNSClient({ ...shared, endpoint: endpoints.sns });
  const dynamodb = new DynamoDBClient({ ...shared, endpoint: endpoints.dynamodb });
  const secretsManager = new SecretsManagerClient({ ...shared, endpoint: endpoints.secretsManager });
  return {
    s3,
    sqs,
    sns,
    dynamodb,
    secretsManager,
    destroy() {
      for (const client of [s3, sqs, sns, dynamodb, secretsManager]) client.destroy();
    },
  };
}
