import type { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { contextOfCdkJson, makeApp } from '../../infra/synthesize.ts';

/** Context that leaves the bundles out: these tests are about the template. */
export const WITHOUT_BUNDLES = { 'aws:cdk:bundling-stacks': [] };

/** The app as the tests look at it, with settings as from cdk.json. */
export function appOf(settings: Readonly<Record<string, unknown>> = {}): App {
  return makeApp({
    analyticsReporting: false,
    treeMetadata: false,
    builtinCloudFormationValidation: false,
    context: { ...contextOfCdkJson(), ...WITHOUT_BUNDLES, ...settings },
  });
}

/** The synthesized template of the stack with these settings. */
export function templateOf(settings: Readonly<Record<string, unknown>> = {}): Template {
  const [stack, ...others] = appOf(settings).synth().stacks;
  if (stack === undefined || others.length > 0) throw new Error('expected one stack');
  return Template.fromJSON(stack.template);
}
