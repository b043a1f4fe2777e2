import { readFileSync } from 'node:fs';
import { App, type AppProps } from 'aws-cdk-lib';
import * as v from 'valibot';
import { parseConfig } from './config.ts';
import { RecoveryStack } from './recovery-stack.ts';

const cdkJson = v.object({ context: v.record(v.string(), v.unknown()) });

/**
 * The CDK app: settings from the context, one stack.
 *
 * @throws {InvalidConfig} when settings are faulty.
 */
export function makeApp(props: AppProps = {}): App {
  const app = new App(props);
  const context: Record<string, unknown> = app.node.getAllContext();
  new RecoveryStack(app, parseConfig(context));
  return app;
}

export interface SynthesizeOptions {
  /**
   * Settings, which go before those in `cdk.json`.
   *
   * @default - only what `cdk.json` says
   */
  readonly context?: Readonly<Record<string, unknown>>;
  /** Folder that the cloud assembly is written to: template, asset manifest and function bundles. */
  readonly outdir: string;
}

/**
 * Writes the template and the bundles that `cdk synth` writes, within this process, without the CLI and without the
 * checks of the template, which take longer than all the rest. Needs neither credentials nor network.
 *
 * @returns the folder of the cloud assembly. In the stack's template, `Metadata['aws:asset:path']` of a function names
 * the folder of its bundle, relative to this one.
 * @throws {InvalidConfig} when settings are faulty.
 */
export function synthesize({ context, outdir }: SynthesizeOptions): string {
  const file = v.parse(cdkJson, JSON.parse(readFileSync(new URL('../cdk.json', import.meta.url), 'utf8')));
  const app = makeApp({
    outdir,
    analyticsReporting: false,
    treeMetadata: false,
    builtinCloudFormationValidation: false,
    context: { ...file.context, ...context },
  });
  return app.synth().directory;
}
