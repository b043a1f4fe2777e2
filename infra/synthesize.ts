import { readFileSync } from 'node:fs';
import { App, type AppProps } from 'aws-cdk-lib';
import * as v from 'valibot';
import { parseConfig } from './config.ts';
import { RecoveryStack } from './stack.ts';

const cdkJson = v.object({ context: v.record(v.string(), v.unknown()) });

/**
 * The CDK app: settings from the context, one stack.
 *
 * @throws {InvalidConfig} when settings are invalid.
 */
export function makeApp(props: AppProps = {}): App {
  const app = new App(props);
  const context: Record<string, unknown> = app.node.getAllContext();
  // What the CDK's command has resolved from profile and environment; absent where there is neither.
  new RecoveryStack(app, parseConfig(context, process.env.CDK_DEFAULT_REGION));
  return app;
}

/** The context in `cdk.json`, which the CLI passes to the app that it runs; an app within a process has to read it. */
export function contextOfCdkJson(): Record<string, unknown> {
  const file = readFileSync(new URL('../cdk.json', import.meta.url), 'utf8');
  return v.parse(cdkJson, JSON.parse(file)).context;
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
 * @returns the folder of the cloud assembly: `manifest.json` leads to the template and to the asset manifest, which names
 * the folder of each function's bundle.
 * @throws {InvalidConfig} when settings are invalid.
 */
export function synthesize({ context, outdir }: SynthesizeOptions): string {
  const app = makeApp({
    outdir,
    analyticsReporting: false,
    treeMetadata: false,
    builtinCloudFormationValidation: false,
    context: { ...contextOfCdkJson(), ...context },
  });
  return app.synth().directory;
}
