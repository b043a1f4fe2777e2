import { describe, expect, it } from 'vitest';
import { endpointVariables } from '../../../../infra/local/aws/servers.ts';

const endpoints = {
  s3: 'http://127.0.0.1:1',
  sqs: 'http://127.0.0.1:2',
  sns: 'http://127.0.0.1:2',
  dynamodb: 'http://127.0.0.1:3',
  secretsManager: 'http://127.0.0.1:4',
};

describe('endpointVariables', () => {
  it('leads functions to the servers', () => {
    expect(endpointVariables(endpoints, {})).toEqual({
      AWS_ENDPOINT_URL_S3: endpoints.s3,
      AWS_ENDPOINT_URL_SQS: endpoints.sqs,
      AWS_ENDPOINT_URL_SNS: endpoints.sns,
      AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoints.secretsManager,
    });
  });

  it('states no owner for the buckets of a store elsewhere, which may have no account ids', () => {
    expect(endpointVariables(endpoints, { AWS_ENDPOINT_URL_S3: endpoints.s3 })).toMatchObject({
      BUCKET_OWNER: '',
    });
  });
});
