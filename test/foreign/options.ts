import { parseArgs } from 'node:util';
import * as v from 'valibot';

export const HELP = `Usage: npm run foreign -- [options]

Deploys the stack by the real CDK onto any CloudFormation endpoint, an implementation of AWS that others wrote: cdk
bootstrap, cdk deploy, each operator command, an update of each setting, cdk destroy, a deploy again, destroy. A step
that fails is reported with the server's reason, and those that do not depend on it run all the same.

The endpoint and its credentials come from the environment: AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
and AWS_REGION. Not for AWS itself: a bucket, a secret and a table stay behind.

  --only NAMES        update only these settings, separated by commas; none: no updates
  --timeout MINUTES   for one step, then it has failed                   (5)
  --log FILE          what each step printed                             (.local/foreign.log)

Exit codes: 0 every step passed, 1 not so, 2 not understood.

Example:
  AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=us-east-1 \\
    npm run foreign -- --only dashboard,maxConcurrency
`;

/** A command line or an environment that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface ForeignOptions {
  /** Settings to update; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Milliseconds for one step. */
  readonly timeout: number;
  readonly log: string;
  readonly help: boolean;
}

const required = (name: string) => v.pipe(v.string(`${name} is not set`), v.nonEmpty(`${name} is empty`));

const environment = v.object({
  AWS_ENDPOINT_URL: v.pipe(
    required('AWS_ENDPOINT_URL'),
    v.url('AWS_ENDPOINT_URL is not a URL'),
    v.check(
      (url) => !/(?:^|\.)amazonaws\.com(?:\.cn)?$/.test(new URL(url).hostname),
      'AWS_ENDPOINT_URL names AWS itself, which this is not for',
    ),
  ),
  AWS_ACCESS_KEY_ID: required('AWS_ACCESS_KEY_ID'),
  AWS_SECRET_ACCESS_KEY: required('AWS_SECRET_ACCESS_KEY'),
  AWS_REGION: required('AWS_REGION'),
});

/** Where the server is, and the keys to it. */
export type Endpoint = v.InferOutput<typeof environment>;

/** @throws {UsageError} */
export function endpointOf(variables: NodeJS.ProcessEnv): Endpoint {
  const { success, output, issues } = v.safeParse(environment, variables);
  if (success) return output;
  throw new UsageError(issues.map(({ message }) => message).join('; '));
}

/** @throws {UsageError} */
export function foreignOptions(argv: readonly string[]): ForeignOptions {
  const { only, timeout, log, help } = parsed(argv);
  const minutes = /^\d{1,3}$/.test(timeout) ? Number(timeout) : 0;
  if (minutes < 1) throw new UsageError('--timeout must be a whole number of minutes from 1 to 999');
  return { only: only === 'none' ? [] : only?.split(','), timeout: minutes * 60_000, log, help };
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        only: { type: 'string' },
        timeout: { type: 'string', default: '5' },
        log: { type: 'string', default: '.local/foreign.log' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
