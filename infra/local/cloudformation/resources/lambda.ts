import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { DEFAULT_ASYNC_SETTINGS } from '../../aws/lambda/async-queue.ts';
import { createFunction, MAX_ENVIRONMENTS } from '../../aws/lambda/runtime.ts';
import {
  type Deployment,
  functionByArn,
  numeric,
  type Provisioner,
  parseProperties,
  physicalName,
  type ResolvedResource,
  truth,
  UnsupportedResource,
} from '../deployment.ts';

const functionProperties = v.object({
  Handler: v.string(),
  Runtime: v.string(),
  Code: v.object({ S3Key: v.optional(v.string()) }),
  Timeout: v.optional(numeric, 3),
  MemorySize: v.optional(numeric, 128),
  ReservedConcurrentExecutions: v.optional(numeric),
  RecursiveLoop: v.optional(v.picklist(['Allow', 'Terminate']), 'Terminate'),
  Environment: v.optional(v.object({ Variables: v.optional(v.record(v.string(), v.string()), {}) })),
  Layers: v.optional(v.array(v.string()), []),
});

/** Names and values of all variables (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
const MAX_ENVIRONMENT_BYTES = 4096;

/** AWS::Lambda::Function, from the bundle that would be uploaded. */
export const provisionFunction: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(functionProperties, resource);
  if (!wanted.Runtime.startsWith('nodejs')) {
    throw new UnsupportedResource(resource, `runtime ${wanted.Runtime} does not run locally`);
  }
  const variables = Object.entries(wanted.Environment?.Variables ?? {})
    .flat()
    .join('');
  if (Buffer.byteLength(variables) > MAX_ENVIRONMENT_BYTES) {
    throw new UnsupportedResource(resource, 'its environment variables exceed the 4 KB that Lambda takes');
  }
  if (wanted.Layers.length > 0) throw new UnsupportedResource(resource, 'layers do not work locally');
  const directory = deployment.assetDirectory(wanted.Code.S3Key ?? '');
  if (directory === undefined)
    throw new UnsupportedResource(resource, 'its code is no asset of the assembly');
  const name = physicalName(resource, 'FunctionName', deployment, 64);
  const arn = `arn:aws:lambda:${deployment.region}:${deployment.accountId}:function:${name}`;
  const definition = {
    name,
    arn,
    directory,
    handler: wanted.Handler,
    environment: environmentOf(resource, name, wanted, deployment),
    timeoutSeconds: wanted.Timeout,
    memoryMegabytes: wanted.MemorySize,
    reservedConcurrency: wanted.ReservedConcurrentExecutions,
    recursiveLoop: wanted.RecursiveLoop,
  };
  const { ReservedConcurrentExecutions: reserved } = wanted;
  if (reserved !== undefined) deployment.account.reserve(name, reserved);
  deployment.functions.set(name, createFunction(definition, deployment));
  return { ref: name, attributes: { Arn: arn } };
};

/** AWS::Lambda::Version and AWS::Lambda::Alias mean the function itself. */
export const provisionFunctionAlias: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(v.object({ FunctionName: v.string() }), resource);
  const { arn } = wanted.FunctionName.startsWith('arn:')
    ? functionByArn(wanted.FunctionName, resource, deployment).definition
    : functionByArn(`:function:${wanted.FunctionName}`, resource, deployment).definition;
  return { ref: arn, attributes: { FunctionArn: arn, AliasArn: arn, Version: '$LATEST' } };
};

const asyncProperties = v.object({
  FunctionName: v.string(),
  MaximumRetryAttempts: v.optional(numeric, DEFAULT_ASYNC_SETTINGS.retryAttempts),
  MaximumEventAgeInSeconds: v.optional(numeric, DEFAULT_ASYNC_SETTINGS.maxAgeSeconds),
  DestinationConfig: v.optional(v.never('destinations do not work locally')),
});

/** AWS::Lambda::EventInvokeConfig: how asynchronous events of a function are tried again. */
export const provisionEventInvokeConfig: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(asyncProperties, resource);
  const { MaximumRetryAttempts: retryAttempts, MaximumEventAgeInSeconds: maxAgeSeconds } = wanted;
  functionByArn(qualified(wanted.FunctionName), resource, deployment).configureAsync({
    retryAttempts,
    maxAgeSeconds,
  });
  return { ref: resource.logicalId, attributes: {} };
};

/** What Lambda sets, what the template sets, what leads to the local servers, and the overrides: later ones win. */
function environmentOf(
  resource: ResolvedResource,
  name: string,
  wanted: v.InferOutput<typeof functionProperties>,
  deployment: Deployment,
): Record<string, string> {
  const variables = wanted.Environment?.Variables ?? {};
  const credentials = deployment.credentialsOf(resource.logicalId);
  return {
    AWS_REGION: deployment.region,
    AWS_DEFAULT_REGION: deployment.region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_EXECUTION_ENV: `AWS_Lambda_${wanted.Runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(wanted.MemorySize),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    LAMBDA_TASK_ROOT: '/var/task',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    _HANDLER: wanted.Handler,
    ...variables,
    ...deployment.endpointVariables,
    ...overridesFor([name, resource.logicalId, variables.POWERTOOLS_SERVICE_NAME], deployment),
  };
}

function overridesFor(
  names: readonly (string | undefined)[],
  deployment: Deployment,
): Record<string, string> {
  const found = names.flatMap((name) =>
    name === undefined ? [] : [deployment.environmentOverrides[name] ?? {}],
  );
  return Object.assign({}, ...found);
}

const mappingProperties = v.object({
  EventSourceArn: v.string(),
  FunctionName: v.string(),
  BatchSize: v.optional(v.pipe(numeric, v.minValue(1), v.maxValue(10)), 10),
  Enabled: v.optional(truth, true),
  FunctionResponseTypes: v.optional(v.array(v.literal('ReportBatchItemFailures')), []),
  ScalingConfig: v.optional(v.object({ MaximumConcurrency: numeric })),
  FilterCriteria: v.optional(v.never('filters do not work locally')),
});

/** AWS::Lambda::EventSourceMapping of a queue. Polling starts when the whole stack is made. */
export const provisionEventSourceMapping: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(mappingProperties, resource);
  const queueUrl = deployment.queueUrls.get(wanted.EventSourceArn);
  if (queueUrl === undefined) {
    throw new UnsupportedResource(resource, `${wanted.EventSourceArn} is no queue of this stack`);
  }
  const id = randomUUID();
  if (wanted.Enabled) {
    const target = functionByArn(qualified(wanted.FunctionName), resource, deployment);
    const { AWS_ACCESS_KEY_ID = '', AWS_SECRET_ACCESS_KEY = '' } = target.definition.environment;
    deployment.mappings.push({
      credentials: { accessKeyId: AWS_ACCESS_KEY_ID, secretAccessKey: AWS_SECRET_ACCESS_KEY },
      queueUrl,
      queueArn: wanted.EventSourceArn,
      region: deployment.region,
      target,
      batchSize: wanted.BatchSize,
      partialResponses: wanted.FunctionResponseTypes.length > 0,
      // More would only hide messages that wait for a thread.
      maximumConcurrency: Math.min(wanted.ScalingConfig?.MaximumConcurrency ?? Infinity, MAX_ENVIRONMENTS),
    });
  }
  return { ref: id, attributes: { Id: id } };
};

function qualified(name: string): string {
  return name.startsWith('arn:') ? name : `:function:${name}`;
}
