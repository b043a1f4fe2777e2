import * as v from 'valibot';
import { createFunction } from '../lambda/runtime.ts';
import { numeric, parseProperties } from './parse.ts';
import {
  functionByArn,
  type Maker,
  physicalName,
  type ResolvedResource,
  UnsupportedResource,
  type World,
} from './world.ts';

const properties = v.object({
  Handler: v.string(),
  Runtime: v.string(),
  Code: v.object({ S3Key: v.optional(v.string()) }),
  Timeout: v.optional(numeric, 3),
  MemorySize: v.optional(numeric, 128),
  ReservedConcurrentExecutions: v.optional(numeric),
  Environment: v.optional(v.object({ Variables: v.optional(v.record(v.string(), v.string()), {}) })),
  Layers: v.optional(v.array(v.string()), []),
});

/** AWS::Lambda::Function, from the bundle that would be uploaded. */
export const makeFunction: Maker = (resource, world) => {
  const wanted = parseProperties(properties, resource);
  if (!wanted.Runtime.startsWith('nodejs')) {
    throw new UnsupportedResource(resource, `runtime ${wanted.Runtime} does not run locally`);
  }
  if (wanted.Layers.length > 0) throw new UnsupportedResource(resource, 'layers do not work locally');
  const directory = world.assetDirectory(wanted.Code.S3Key ?? '');
  if (directory === undefined)
    throw new UnsupportedResource(resource, 'its code is no asset of the assembly');
  const name = physicalName(resource, 'FunctionName', world, 64);
  const arn = `arn:aws:lambda:${world.region}:${world.accountId}:function:${name}`;
  const definition = {
    name,
    arn,
    directory,
    handler: wanted.Handler,
    environment: environmentOf(resource, name, wanted, world),
    timeoutSeconds: wanted.Timeout,
    memoryMegabytes: wanted.MemorySize,
    reservedConcurrency: wanted.ReservedConcurrentExecutions,
  };
  world.functions.set(name, createFunction(definition, world.clock, world.onLog));
  return { ref: name, attributes: { Arn: arn } };
};

/** AWS::Lambda::Version and AWS::Lambda::Alias mean the function itself. */
export const makeFunctionAlias: Maker = (resource, world) => {
  const wanted = parseProperties(v.object({ FunctionName: v.string() }), resource);
  const { arn } = wanted.FunctionName.startsWith('arn:')
    ? functionByArn(wanted.FunctionName, resource, world).definition
    : functionByArn(`:function:${wanted.FunctionName}`, resource, world).definition;
  return { ref: arn, attributes: { FunctionArn: arn, AliasArn: arn, Version: '$LATEST' } };
};

/** What Lambda sets, what the template sets, what leads to the local servers, and the overrides: later ones win. */
function environmentOf(
  resource: ResolvedResource,
  name: string,
  wanted: v.InferOutput<typeof properties>,
  world: World,
): Record<string, string> {
  const variables = wanted.Environment?.Variables ?? {};
  const credentials = world.credentialsOf(resource.logicalId);
  return {
    AWS_REGION: world.region,
    AWS_DEFAULT_REGION: world.region,
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
    ...world.endpointVariables,
    ...overridesFor([name, resource.logicalId, variables.POWERTOOLS_SERVICE_NAME], world),
  };
}

function overridesFor(names: readonly (string | undefined)[], world: World): Record<string, string> {
  const found = names.flatMap((name) => (name === undefined ? [] : [world.environmentOverrides[name] ?? {}]));
  return Object.assign({}, ...found);
}
