import * as v from 'valibot';
import type { HttpApi } from '../aws/api-gateway/api.ts';
import type { LocalClients } from '../aws/clients.ts';
import type { AccountConcurrency } from '../aws/lambda/concurrency.ts';
import type { LogLine } from '../aws/lambda/protocol.ts';
import type { LocalFunction } from '../aws/lambda/runtime.ts';
import type { Schedule } from '../aws/lambda/schedules.ts';
import type { QueueMapping } from '../aws/lambda/sqs-poller.ts';
import type { Credentials } from '../aws/listen.ts';
import type { Clock } from '../clock.ts';
import type { JsonObject } from '../json.ts';
import type { ProvisionedResource } from './template.ts';

/** A resource whose intrinsics are all resolved. */
export interface ResolvedResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: JsonObject;
}

/** Creates one resource. @throws {UnsupportedResource} for properties that have no local counterpart */
export type Provisioner = (
  resource: ResolvedResource,
  deployment: Deployment,
) => Promise<ProvisionedResource> | ProvisionedResource;

/** A stack that is being provisioned: where its resources go, and those that others refer to. */
export interface Deployment {
  readonly stackName: string;
  readonly region: string;
  readonly accountId: string;
  /** Makes physical names unique, so that several local stacks can share a server. */
  readonly suffix: string;
  readonly clock: Clock;
  /** Concurrent executions that the functions share. */
  readonly account: AccountConcurrency;
  readonly clients: LocalClients;
  /** `AWS_ENDPOINT_URL_*`, for the functions. */
  readonly endpointVariables: Readonly<Record<string, string>>;
  /** Variables to set in one function, found by its name, logical id or `POWERTOOLS_SERVICE_NAME`. */
  readonly environmentOverrides: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Access keys of a function's own, by logical id. */
  readonly credentialsOf: (logicalId: string) => Credentials;
  readonly assetDirectory: (objectKey: string) => string | undefined;
  /** Port of the first HTTP API; 0 for any. */
  readonly apiPort: number;
  readonly onLog: ((line: LogLine) => void) | undefined;

  /** By function name. */
  readonly functions: Map<string, LocalFunction>;
  /** By API id. */
  readonly apis: Map<string, HttpApi>;
  /** With the keys of the function, by whose role Lambda polls. */
  readonly mappings: (QueueMapping & { readonly credentials: Credentials })[];
  readonly schedules: Schedule[];
  /** Queue URL by queue ARN. */
  readonly queueUrls: Map<string, string>;
}

/** The template asks for something that the local stack cannot create. */
export class UnsupportedResource extends Error {
  override readonly name = 'UnsupportedResource';

  constructor(resource: ResolvedResource, reason: string) {
    super(`${resource.type} ${resource.logicalId}: ${reason}`);
  }
}

/** The name a resource asks for, or one as CloudFormation would make up. */
export function physicalName(
  resource: ResolvedResource,
  property: string,
  { stackName, suffix }: Pick<Deployment, 'stackName' | 'suffix'>,
  maxLength: number,
): string {
  const asked = resource.properties[property];
  if (typeof asked === 'string') return asked;
  const room = maxLength - suffix.length - 1;
  return `${`${stackName}-${resource.logicalId}`.slice(0, room)}-${suffix}`;
}

/** The function that an ARN (of a function, version, alias or API integration) means. */
export function functionByArn(
  arn: string,
  resource: ResolvedResource,
  deployment: Deployment,
): LocalFunction {
  const name = /:function:([^:/]+)/.exec(arn)?.[1];
  const found = name === undefined ? undefined : deployment.functions.get(name);
  if (found === undefined) throw new UnsupportedResource(resource, `${arn} is no function of this stack`);
  return found;
}

/** CloudFormation takes numbers and booleans as text too. */
export const numeric = v.pipe(v.union([v.number(), v.string()]), v.transform(Number), v.finite());
export const truth = v.pipe(
  v.union([v.boolean(), v.picklist(['true', 'false'])]),
  v.transform((value) => value === true || value === 'true'),
);

/** Reads the properties that matter locally; others are left alone. @throws {UnsupportedResource} naming the errors */
export function parseProperties<S extends v.GenericSchema>(
  schema: S,
  resource: ResolvedResource,
): v.InferOutput<S> {
  const result = v.safeParse(schema, resource.properties);
  if (result.success) return result.output;
  const errors = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'properties'}: ${issue.message}`);
  throw new UnsupportedResource(resource, errors.join('; '));
}
