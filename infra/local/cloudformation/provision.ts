import { type StackPolicies, templatePolicies } from '../aws/iam/template-policies.ts';
import { asText, isObject, type JsonObject, objectAt } from '../json.ts';
import type { Deployment, Provisioner } from './deployment.ts';
import {
  provisionHttpApi,
  provisionIntegration,
  provisionRoute,
  provisionStage,
} from './resources/api-gateway.ts';
import { provisionRule, provisionSchedule } from './resources/events.ts';
import {
  provisionEventInvokeConfig,
  provisionEventSourceMapping,
  provisionFunction,
  provisionFunctionAlias,
} from './resources/lambda.ts';
import { provisionQueue, provisionSubscription, provisionTopic } from './resources/messaging.ts';
import { provisionBucket, provisionSecret, provisionTable } from './resources/storage.ts';
import {
  type ProvisionedResource,
  referencesOf,
  resolveValue,
  resourcesOf,
  type Scope,
  TemplateError,
  type TemplateResource,
} from './template.ts';

const PROVISIONERS: Readonly<Record<string, Provisioner>> = {
  'AWS::ApiGatewayV2::Api': provisionHttpApi,
  'AWS::ApiGatewayV2::Integration': provisionIntegration,
  'AWS::ApiGatewayV2::Route': provisionRoute,
  'AWS::ApiGatewayV2::Stage': provisionStage,
  'AWS::DynamoDB::GlobalTable': provisionTable,
  'AWS::DynamoDB::Table': provisionTable,
  'AWS::Events::Rule': provisionRule,
  'AWS::Lambda::Alias': provisionFunctionAlias,
  'AWS::Lambda::EventInvokeConfig': provisionEventInvokeConfig,
  'AWS::Lambda::EventSourceMapping': provisionEventSourceMapping,
  'AWS::Lambda::Function': provisionFunction,
  'AWS::Lambda::Version': provisionFunctionAlias,
  'AWS::S3::Bucket': provisionBucket,
  'AWS::SNS::Subscription': provisionSubscription,
  'AWS::SNS::Topic': provisionTopic,
  'AWS::SQS::Queue': provisionQueue,
  'AWS::Scheduler::Schedule': provisionSchedule,
  'AWS::SecretsManager::Secret': provisionSecret,
};

/**
 * Types that nothing has to be made for: what is watched, how things are encrypted, and who may call what, which
 * `templatePolicies` reads. Others may refer to them, so they get a placeholder name and ARN. A type that is in neither
 * list stops the stack: it has to be decided what it means.
 */
const WITHOUT_LOCAL_MEANING = new Set([
  'AWS::CDK::Metadata',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::KMS::Alias',
  'AWS::KMS::Key',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::Logs::QueryDefinition',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
  'AWS::Scheduler::ScheduleGroup',
  'Custom::S3AutoDeleteObjects',
]);

/**
 * Creates every resource of a template, each as soon as those it refers to exist, as CloudFormation does.
 *
 * @returns the values of the template's outputs, by output key, and its policies
 * @throws {TemplateError} for unknown intrinsics and references, naming the resource
 * @throws {PolicyError} for policies that cannot be enforced
 */
export async function provisionResources(
  scope: Omit<Scope, 'provisioned'>,
  deployment: Deployment,
): Promise<{ readonly outputs: Record<string, string>; readonly policies: StackPolicies }> {
  const provisioned = new Map<string, ProvisionedResource>();
  const whole: Scope = { ...scope, provisioned: (logicalId) => provisioned.get(logicalId) };
  const resources = new Map(resourcesOf(whole).map((resource) => [resource.logicalId, resource]));
  const order = inOrder(resources);
  const promises = new Map<string, Promise<void>>();
  for (const resource of order) {
    const dependencies = dependenciesOf(resource, resources).flatMap((id) => promises.get(id) ?? []);
    promises.set(
      resource.logicalId,
      Promise.all(dependencies).then(async () => {
        provisioned.set(resource.logicalId, await provision(resource, whole, deployment));
      }),
    );
  }
  await Promise.all(promises.values());
  return { outputs: outputsOf(whole), policies: templatePolicies(whole) };
}

async function provision(
  resource: TemplateResource,
  scope: Scope,
  deployment: Deployment,
): Promise<ProvisionedResource> {
  const provisioner = PROVISIONERS[resource.type];
  if (provisioner === undefined) return placeholder(resource, deployment);
  const path = `Resources.${resource.logicalId}.Properties`;
  const properties = resolveValue(relevantProperties(resource), path, scope);
  return provisioner({ ...resource, properties: isObject(properties) ? properties : {} }, deployment);
}

/** Properties that no provisioner reads, and that may refer to what is not created locally. */
const WITHOUT_LOCAL_EFFECT = new Set([
  'AccessLogSettings',
  'BucketEncryption',
  'DeadLetterConfig',
  'KmsKeyId',
  'KmsMasterKeyId',
  'LoggingConfig',
  'LoggingConfiguration',
  'Role',
  'Tags',
]);

function relevantProperties(resource: TemplateResource): JsonObject {
  const entries = Object.entries(resource.properties).filter(([key]) => !WITHOUT_LOCAL_EFFECT.has(key));
  return Object.fromEntries(entries);
}

function placeholder({ type, logicalId }: TemplateResource, deployment: Deployment): ProvisionedResource {
  const { region, accountId } = deployment;
  const service = (type.split('::')[1] ?? 'local').toLowerCase();
  const arns: Readonly<Record<string, string>> = {
    // IAM knows no regions.
    'AWS::IAM::ManagedPolicy': `arn:aws:iam::${accountId}:policy/${logicalId}`,
    'AWS::IAM::Role': `arn:aws:iam::${accountId}:role/${logicalId}`,
    'AWS::KMS::Key': `arn:aws:kms:${region}:${accountId}:key/${logicalId}`,
    'AWS::Logs::LogGroup': `arn:aws:logs:${region}:${accountId}:log-group:${logicalId}:*`,
  };
  const arn = arns[type] ?? `arn:aws:${service}:${region}:${accountId}:${logicalId}`;
  return {
    // The only one of these types whose `Ref` is its ARN.
    ref: type === 'AWS::IAM::ManagedPolicy' ? arn : logicalId,
    attributes: { Arn: arn, RoleId: logicalId, KeyId: logicalId },
  };
}

/**
 * Checks, before anything is created, that the local stack knows every type.
 *
 * @throws {TemplateError} naming those that it does not
 */
export function rejectUnknownTypes(resources: readonly TemplateResource[]): void {
  const unknown = resources.filter(
    ({ type }) => PROVISIONERS[type] === undefined && !WITHOUT_LOCAL_MEANING.has(type),
  );
  if (unknown.length === 0) return;
  const list = unknown.map(({ logicalId, type }) => `Resources.${logicalId} (${type})`).join(', ');
  throw new TemplateError(`the local stack knows neither how to make nor to leave out: ${list}`);
}

function dependenciesOf(resource: TemplateResource, all: ReadonlyMap<string, TemplateResource>): string[] {
  if (PROVISIONERS[resource.type] === undefined) return [];
  const references = referencesOf(relevantProperties(resource));
  return [...new Set([...references, ...resource.dependsOn])].filter(
    (id) => all.has(id) && id !== resource.logicalId,
  );
}

/** Dependencies first. @throws {TemplateError} for resources that depend on each other */
function inOrder(resources: ReadonlyMap<string, TemplateResource>): TemplateResource[] {
  const ordered = new Set<TemplateResource>();
  const visit = (resource: TemplateResource, path: readonly string[]) => {
    if (ordered.has(resource)) return;
    if (path.includes(resource.logicalId)) {
      throw new TemplateError(`circular dependency: ${[...path, resource.logicalId].join(' → ')}`);
    }
    for (const id of dependenciesOf(resource, resources)) {
      const dependency = resources.get(id);
      if (dependency !== undefined) visit(dependency, [...path, resource.logicalId]);
    }
    ordered.add(resource);
  };
  for (const resource of resources.values()) visit(resource, []);
  return [...ordered];
}

function outputsOf(scope: Scope): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [key, output] of Object.entries(objectAt(scope.template, 'Outputs'))) {
    const value = isObject(output) ? output.Value : undefined;
    if (value === undefined) continue;
    found[key] = asText(resolveValue(value, `Outputs.${key}.Value`, scope));
  }
  return found;
}
