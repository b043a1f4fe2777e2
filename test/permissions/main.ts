import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { readAssembly } from '../../infra/local/cloudformation/assembly.ts';
import { cachedAssembly } from '../../infra/local/cloudformation/cached-assembly.ts';
import { policiesIn } from '../support/template-policies.ts';
import { type Grant, grantsOf } from './grants.ts';
import { REASONS } from './reasons.ts';

const HELP = `Usage: npm run permissions -- [options]

Runs the whole stack once for each action of each statement that functions and operators are granted, without that action,
and makes them do everything: what works without it is listed. A refusal that some code passes over shows here, and not in
npm test, which only looks at the requests. Takes about half a minute for an action whose absence shows at once, and a
minute or more for others.

  --only TEXT   grants whose holder or action contains TEXT, e.g. Worker, operators or dynamodb:
  --json        the report as one JSON object

Exit codes: 0 each action is needed, 1 some are not, or the stack fails with all of them, 2 not understood.
`;

/** Any: with it functions may read it. */
const API_KEY = 'arn:aws:secretsmanager:us-east-1:000000000000:secret:zencoder-AbCdEf';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  let options: ReturnType<typeof optionsOf>;
  try {
    options = optionsOf(args);
  } catch (error) {
    process.stderr.write(`permissions: ${error instanceof Error ? error.message : String(error)}\n`);
    return 2;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const grants = await grantsNamed(options.only);
  if (grants.length === 0) {
    process.stderr.write(`permissions: no grant has ${options.only}\n`);
    return 2;
  }
  if (!(await works(undefined))) {
    process.stderr.write('permissions: the stack fails with all its permissions: see npm test\n');
    return 1;
  }
  const unneeded: Grant[] = [];
  for (const [index, grant] of grants.entries()) {
    process.stderr.write(`${index + 1} of ${grants.length}: ${grant.holder} without ${grant.action} … `);
    const isUnneeded = await works(grant);
    process.stderr.write(isUnneeded ? 'WORKS\n' : 'fails\n');
    if (isUnneeded) unneeded.push(grant);
  }
  process.stdout.write(
    options.json ? `${JSON.stringify({ tried: grants.length, unneeded })}\n` : textOf(unneeded),
  );
  return unneeded.length === 0 ? 0 : 1;
}

function optionsOf(args: readonly string[]) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return values;
}

/** What is granted without a reason of its own, by a part of its text. */
async function grantsNamed(part: string): Promise<Grant[]> {
  const { template } = readAssembly(await cachedAssembly({ zencoderApiKeySecretArn: API_KEY }), undefined);
  return grantsOf(policiesIn(template)).filter(
    ({ holder, action }) => REASONS[action] === undefined && `${holder} ${action}`.includes(part),
  );
}

/** Whether functions and operators can do everything without a grant. */
async function works(removed: Grant | undefined): Promise<boolean> {
  const child = spawn(
    process.execPath,
    ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/permissions/vitest.config.ts'],
    {
      stdio: 'ignore',
      env: { ...process.env, ...(removed === undefined ? {} : { REMOVED_GRANT: JSON.stringify(removed) }) },
    },
  );
  const [code] = await once(child, 'exit');
  return code === 0;
}

function textOf(unneeded: readonly Grant[]): string {
  if (unneeded.length === 0) return 'Each action is needed.\n';
  const lines = unneeded.map(
    ({ holder, statement, action }) => `  ${holder}: ${action} (statement ${statement})`,
  );
  return `Everything works without:\n${lines.join('\n')}\n`;
}
