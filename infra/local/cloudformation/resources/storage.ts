import { randomInt } from 'node:crypto';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { CreateBucketCommand, S3ServiceException } from '@aws-sdk/client-s3';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import {
  numeric,
  type Provisioner,
  parseProperties,
  physicalName,
  truth,
  UnsupportedResource,
} from '../deployment.ts';

/** AWS::S3::Bucket */
export const provisionBucket: Provisioner = async (resource, deployment) => {
  const name = physicalName(resource, 'BucketName', deployment, 63).toLowerCase();
  await createBucket(deployment.clients.s3, name);
  return {
    ref: name,
    attributes: {
      Arn: `arn:aws:s3:::${name}`,
      DomainName: `${name}.s3.amazonaws.com`,
      RegionalDomainName: `${name}.s3.${deployment.region}.amazonaws.com`,
    },
  };
};

/** Makes a bucket unless it is there already. */
export async function createBucket(
  s3: Pick<import('@aws-sdk/client-s3').S3Client, 'send'>,
  name: string,
): Promise<void> {
  try {
    await s3.send(new CreateBucketCommand({ Bucket: name }));
  } catch (error) {
    if (error instanceof S3ServiceException && error.name === 'BucketAlreadyOwnedByYou') return;
    throw error;
  }
}

const keySchema = v.array(v.object({ AttributeName: v.string(), KeyType: v.picklist(['HASH', 'RANGE']) }));
const index = v.object({
  IndexName: v.string(),
  KeySchema: keySchema,
  Projection: v.object({
    ProjectionType: v.optional(v.picklist(['ALL', 'KEYS_ONLY', 'INCLUDE'])),
    NonKeyAttributes: v.optional(v.array(v.string())),
  }),
});
const tableProperties = v.object({
  AttributeDefinitions: v.array(
    v.object({ AttributeName: v.string(), AttributeType: v.picklist(['S', 'N', 'B']) }),
  ),
  KeySchema: keySchema,
  GlobalSecondaryIndexes: v.optional(v.array(index)),
  LocalSecondaryIndexes: v.optional(v.array(index)),
  StreamSpecification: v.optional(
    v.object({ StreamViewType: v.picklist(['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES']) }),
  ),
  TimeToLiveSpecification: v.optional(v.object({ AttributeName: v.optional(v.string()), Enabled: truth })),
});

/**
 * AWS::DynamoDB::Table and AWS::DynamoDB::GlobalTable, one replica. Always on demand; point-in-time recovery,
 * protection and encryption have no local counterpart.
 */
export const provisionTable: Provisioner = async (resource, deployment) => {
  const wanted = parseProperties(tableProperties, resource);
  const name = physicalName(resource, 'TableName', deployment, 255);
  const input: CreateTableCommandInput = {
    TableName: name,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: wanted.AttributeDefinitions,
    KeySchema: wanted.KeySchema,
    GlobalSecondaryIndexes: wanted.GlobalSecondaryIndexes,
    LocalSecondaryIndexes: wanted.LocalSecondaryIndexes,
    StreamSpecification: wanted.StreamSpecification && { StreamEnabled: true, ...wanted.StreamSpecification },
  };
  const { dynamodb } = deployment.clients;
  const created = await dynamodb.send(new CreateTableCommand(input));
  if (created.TableDescription?.TableStatus !== 'ACTIVE') {
    await waitUntilTableExists({ client: dynamodb, maxWaitTime: 60, minDelay: 1 }, { TableName: name });
  }
  const { AttributeName, Enabled = false } = wanted.TimeToLiveSpecification ?? {};
  if (Enabled && AttributeName !== undefined) {
    await dynamodb.send(
      new UpdateTimeToLiveCommand({ TableName: name, TimeToLiveSpecification: { AttributeName, Enabled } }),
    );
  }
  // Not the server's: DynamoDB Local has its own name there in place of the region.
  const arn = `arn:aws:dynamodb:${deployment.region}:${deployment.accountId}:table/${name}`;
  const stream = created.TableDescription?.LatestStreamArn;
  return {
    ref: name,
    attributes: { Arn: arn, TableId: name, ...(stream === undefined ? {} : { StreamArn: stream }) },
  };
};

const generate = v.object({
  PasswordLength: v.optional(numeric, 32),
  ExcludeCharacters: v.optional(v.string(), ''),
  ExcludePunctuation: v.optional(truth, false),
  ExcludeUppercase: v.optional(truth, false),
  ExcludeLowercase: v.optional(truth, false),
  ExcludeNumbers: v.optional(truth, false),
  IncludeSpace: v.optional(truth, false),
  SecretStringTemplate: v.optional(v.string()),
  GenerateStringKey: v.optional(v.string()),
});
const secretProperties = v.object({
  Description: v.optional(v.string()),
  SecretString: v.optional(v.string()),
  GenerateSecretString: v.optional(generate),
});

/** AWS::SecretsManager::Secret, with the value that the template states or asks to be generated. */
export const provisionSecret: Provisioner = async (resource, deployment) => {
  const wanted = parseProperties(secretProperties, resource);
  const name = physicalName(resource, 'Name', deployment, 512);
  const value = wanted.SecretString ?? generated(wanted.GenerateSecretString ?? v.parse(generate, {}));
  const made = await deployment.clients.secretsManager.send(
    new CreateSecretCommand({
      Name: name,
      SecretString: value,
      ...(wanted.Description === undefined ? {} : { Description: wanted.Description }),
    }),
  );
  if (made.ARN === undefined) throw new UnsupportedResource(resource, 'the secret server gave no ARN');
  return { ref: made.ARN, attributes: { Id: made.ARN } };
};

function generated(wanted: v.InferOutput<typeof generate>): string {
  const password = randomPassword(wanted);
  if (wanted.SecretStringTemplate === undefined || wanted.GenerateStringKey === undefined) return password;
  const template = v.parse(v.record(v.string(), v.unknown()), JSON.parse(wanted.SecretStringTemplate));
  return JSON.stringify({ ...template, [wanted.GenerateStringKey]: password });
}

function randomPassword(wanted: v.InferOutput<typeof generate>): string {
  const alphabet = [
    wanted.ExcludeUppercase ? '' : 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    wanted.ExcludeLowercase ? '' : 'abcdefghijklmnopqrstuvwxyz',
    wanted.ExcludeNumbers ? '' : '0123456789',
    wanted.ExcludePunctuation ? '' : '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    wanted.IncludeSpace ? ' ' : '',
  ].join('');
  const allowed = alphabet.split('').filter((character) => !wanted.ExcludeCharacters.includes(character));
  return Array.from({ length: wanted.PasswordLength }, () => allowed[randomInt(allowed.length)]).join('');
}
