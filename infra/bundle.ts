import { join } from 'node:path';
import { AssetHashType, DockerImage } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { buildSync } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');

/**
 * The code of one function as a single ESM file with everything it needs, the AWS SDK included: the SDK of the
 * runtime is larger to load and changes without notice.
 *
 * Built by esbuild within this process; `NodejsFunction` starts a shell, npx and npm for each function, which takes
 * longer than the bundling. White space and syntax are minified and names are not: the bundle loads as fast, and stack
 * traces in the logs name functions without a source map, which would have to be read at every cold start.
 *
 * @param folder name of the function's folder under `lambda/`, which holds its `handler.ts`.
 */
export function bundleOf(folder: string): Code {
  const directory = join(ROOT, 'lambda', folder);
  return Code.fromAsset(directory, {
    // Of the output, so that what a change does not reach is not deployed again.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never used: the local bundling below succeeds or throws.
      image: DockerImage.fromRegistry('no-image-needed'),
      local: {
        tryBundle(outputDirectory) {
          bundle(join(directory, 'handler.ts'), join(outputDirectory, 'handler.mjs'));
          return true;
        },
      },
    },
  });
}

function bundle(entryPoint: string, outfile: string): void {
  buildSync({
    absWorkingDir: ROOT,
    entryPoints: [entryPoint],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // The SDK's CommonJS build comes first by default, is a third larger and cannot be shaken.
    mainFields: ['module', 'main'],
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'warning',
  });
}
