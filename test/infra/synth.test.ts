import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { afterAll, describe, expect, it } from 'vitest';
import { contextOfCdkJson, synthesize } from '../../infra/synthesize.ts';
import { WITHOUT_BUNDLES } from './template.ts';

const run = promisify(execFile);
const APP = new URL('../../infra/app.ts', import.meta.url).pathname;
const scratch = mkdtempSync(join(tmpdir(), 'synth-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('infra/app.ts', () => {
  it('passes AwsSolutions and CloudFormation rules, with the same resources as the local stack', async () => {
    const byApp = await runApp({});
    expect(reportsIn(byApp)).toEqual([]);
    const byCall = synthesize({ outdir: join(scratch, 'call'), context: WITHOUT_BUNDLES });
    expect(resourcesIn(byCall)).toEqual(resourcesIn(byApp));
  });

  it('passes them with existing buckets and a key', async () => {
    const bucketKmsKeyArn = 'arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d';
    const bucketOwner = '444455556666';
    const settings = { bucketName: 'mine', bucketOwner, bucketKmsKeyArn, previousBuckets: ['older'] };
    expect(reportsIn(await runApp(settings))).toEqual([]);
  });

  it('fails for the ARN of a secret in another region than the one that the CDK deploys to', async () => {
    const zencoderApiKeySecretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:zencoder-AbCdEf';
    await expect(runApp({ zencoderApiKeySecretArn }, { CDK_DEFAULT_REGION: 'us-east-1' })).rejects.toThrow(
      'zencoderApiKeySecretArn: is in eu-west-1, and the stack is deployed to us-east-1',
    );
  });

  it('fails with the errors of the settings', async () => {
    await expect(runApp({ maxConcurrency: 1, bucketname: 'mine' })).rejects.toThrow(
      /bucketname: unknown setting; did you mean bucketName\?\n.*maxConcurrency: expected a whole number/,
    );
  });
});

describe('synthesize', () => {
  it('writes a bundle for each function that exports its handler and imports only Node modules', () => {
    const directory = synthesize({ outdir: join(scratch, 'local'), context: { stackName: 'Local' } });
    const manifest = v.parse(assets, JSON.parse(readFileSync(join(directory, 'Local.assets.json'), 'utf8')));
    const folders = Object.values(manifest.files).filter(({ source }) => source.packaging === 'zip');
    expect(folders).toHaveLength(4);
    for (const { source } of folders) {
      const bundle = readFileSync(join(directory, source.path, 'handler.mjs'), 'utf8');
      expect(bundle).toMatch(/export ?\{[^}]*\bhandler\b[^}]*\}/);
      const imported = [...bundle.matchAll(/(?:^|;)import\b[^;"'(]*["']([^"']+)["'](?=;)/gm)].map(
        ([, name]) => name,
      );
      expect(imported.filter((name) => name === undefined || !isBuiltin(name))).toEqual([]);
    }
  });
});

const assets = v.object({
  files: v.record(v.string(), v.object({ source: v.object({ path: v.string(), packaging: v.string() }) })),
});

function reportsIn(directory: string): unknown {
  return JSON.parse(readFileSync(join(directory, 'validation-report.json'), 'utf8')).pluginReports;
}

function resourcesIn(directory: string): unknown {
  return JSON.parse(readFileSync(join(directory, 'ZencoderRecovery.template.json'), 'utf8')).Resources;
}

async function runApp(
  settings: Readonly<Record<string, unknown>>,
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  const outdir = mkdtempSync(join(scratch, 'app-'));
  const context = { ...contextOfCdkJson(), ...WITHOUT_BUNDLES, ...settings };
  await run(process.execPath, [APP], {
    env: { ...process.env, ...environment, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) },
  });
  return outdir;
}
