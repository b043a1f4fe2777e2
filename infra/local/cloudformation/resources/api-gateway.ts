import * as v from 'valibot';
import { startHttpApi } from '../../aws/api-gateway/api.ts';
import { RouteThrottles } from '../../aws/api-gateway/throttle.ts';
import {
  type Deployment,
  functionByArn,
  numeric,
  type Provisioner,
  parseProperties,
  type ResolvedResource,
  truth,
  UnsupportedResource,
} from '../deployment.ts';

const api = v.object({ ProtocolType: v.literal('HTTP'), Name: v.optional(v.string()) });

/** AWS::ApiGatewayV2::Api: starts its server, so that its address is known to whatever refers to it. */
export const provisionHttpApi: Provisioner = async (resource, deployment) => {
  parseProperties(api, resource);
  const id = `${resource.logicalId.toLowerCase().slice(0, 10)}${deployment.suffix}`;
  const port = deployment.apis.size === 0 ? deployment.apiPort : 0;
  const made = await startHttpApi({ id, port, accountId: deployment.accountId, now: deployment.clock.now });
  deployment.apis.set(id, made);
  return { ref: id, attributes: { ApiEndpoint: made.endpoint, ApiId: id } };
};

const integration = v.object({
  ApiId: v.string(),
  IntegrationType: v.literal('AWS_PROXY'),
  IntegrationUri: v.string(),
  PayloadFormatVersion: v.literal('2.0'),
  TimeoutInMillis: v.optional(numeric, 30_000),
});

/** AWS::ApiGatewayV2::Integration of a function, payload format 2.0. */
export const provisionIntegration: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(integration, resource);
  const target = functionByArn(wanted.IntegrationUri, resource, deployment);
  apiOf(resource, wanted.ApiId, deployment).addIntegration({
    id: resource.logicalId,
    invoke: (event) => target.invoke(event),
    timeoutMilliseconds: wanted.TimeoutInMillis,
  });
  return { ref: resource.logicalId, attributes: { IntegrationId: resource.logicalId } };
};

const route = v.object({
  ApiId: v.string(),
  RouteKey: v.string(),
  Target: v.string(),
  AuthorizationType: v.optional(v.literal('NONE')),
});

/** AWS::ApiGatewayV2::Route */
export const provisionRoute: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(route, resource);
  apiOf(resource, wanted.ApiId, deployment).addRoute(
    wanted.RouteKey,
    wanted.Target.replace(/^integrations\//, ''),
  );
  return { ref: resource.logicalId, attributes: { RouteId: resource.logicalId } };
};

const throttle = v.pipe(
  v.object({ ThrottlingRateLimit: numeric, ThrottlingBurstLimit: numeric }),
  v.transform(({ ThrottlingRateLimit: rate, ThrottlingBurstLimit: burst }) => ({ rate, burst })),
);
const stage = v.object({
  ApiId: v.string(),
  StageName: v.string(),
  AutoDeploy: v.optional(truth, false),
  DefaultRouteSettings: v.optional(throttle),
  RouteSettings: v.optional(v.record(v.string(), throttle), {}),
});

/** AWS::ApiGatewayV2::Stage: its name in paths, and the throttles of its routes, each of which must be there already. */
export const provisionStage: Provisioner = (resource, deployment) => {
  const wanted = parseProperties(stage, resource);
  const made = apiOf(resource, wanted.ApiId, deployment);
  const settings = new Map(Object.entries(wanted.RouteSettings));
  for (const routeKey of settings.keys()) {
    if (made.hasRoute(routeKey)) continue;
    // In the words of API Gateway, which creates a stage only after the routes that its settings name.
    const reason = `Unable to find Route by key ${routeKey} within the provided RouteSettings`;
    throw new UnsupportedResource(resource, reason);
  }
  made.setStage(wanted.StageName, new RouteThrottles(wanted.DefaultRouteSettings, settings));
  return { ref: wanted.StageName, attributes: {} };
};

function apiOf(resource: ResolvedResource, id: string, deployment: Deployment) {
  const found = deployment.apis.get(id);
  if (found === undefined) throw new UnsupportedResource(resource, `${id} is no HTTP API of this stack`);
  return found;
}
