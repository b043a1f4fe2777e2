import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const RUN = resolve('infra/run.mjs');

/** Makes Node take itself for another version on another platform, before it loads the program. */
function pretending(version: string, platform: string): string[] {
  const define = (object: string, name: string, value: string) =>
    `Object.defineProperty(${object},${JSON.stringify(name)},{value:${JSON.stringify(value)}});`;
  const source = define('process', 'platform', platform) + define('process.versions', 'node', version);
  return ['--import', `data:text/javascript,${encodeURIComponent(source)}`];
}

describe('infra/run.mjs', () => {
  it.each([
    [
      '20.19.0',
      'darwin',
      /^Node 24 .* this is Node 20\.19\.0\. .*Install Node 24 .*, then run npm ci again\.\n$/,
    ],
    [
      '22.12.0',
      'win32',
      /^Node 24 .* this is Node 22\.12\.0\. .*Install Node 24 .*, then run npm ci again\.\n$/,
    ],
    ['20.19.0', 'linux', /^Node 24 .* this is Node 20\.19\.0\. .*run npm ci, then this by npm run\.\n$/],
  ])('refuses Node %s on %s in one line, without running the program', async (version, platform, message) => {
    const args = [...pretending(version, platform), RUN, 'infra/cli/status.ts', '--help'];
    await expect(run(process.execPath, args)).rejects.toMatchObject({
      ...{ code: 1, stdout: '', stderr: expect.stringMatching(message) },
    });
  });

  it('runs the program on Node 24 with its own arguments', async () => {
    const { stdout } = await run(process.execPath, [RUN, 'infra/cli/status.ts', '--help']);
    expect(stdout).toMatch(/^Usage: npm run status/);
    await expect(
      run(process.execPath, [RUN, 'infra/cli/status.ts', '--at-risk', 'soon']),
    ).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--at-risk expects e.g. 4h or 90m, not "soon"'),
    });
  });

  it('only looks at the version when no program is given, as npm ci does', async () => {
    await expect(run(process.execPath, [RUN])).resolves.toMatchObject({ stdout: '', stderr: '' });
    await expect(run(process.execPath, [...pretending('20.19.0', 'darwin'), RUN])).rejects.toThrow('Node 24');
  });

  it('runs every TypeScript program of package.json and cdk.json', () => {
    const { scripts } = v.parse(
      v.object({ scripts: v.record(v.string(), v.string()) }),
      JSON.parse(readFileSync('package.json', 'utf8')),
    );
    const { app } = v.parse(v.object({ app: v.string() }), JSON.parse(readFileSync('cdk.json', 'utf8')));
    const commands = [...Object.values(scripts), app].filter((command) => command.startsWith('node '));
    expect(scripts.postinstall).toBe('node infra/run.mjs');
    expect(commands.length).toBeGreaterThan(10);
    for (const command of commands) {
      const [, program] = /^node infra\/run\.mjs(?: (\S+\.ts))?$/.exec(command) ?? ['', 'none'];
      expect(program === undefined || existsSync(program), command).toBe(true);
    }
  });
});

it('the demo says in one line that its database does not run on this platform', async () => {
  const { AWS_ENDPOINT_URL_DYNAMODB: _, ...env } = process.env;
  const args = [...pretending(process.versions.node, 'darwin'), RUN, 'infra/local/demo/demo.ts', '--json'];
  await expect(run(process.execPath, args, { env })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /^demo: There is no embedded DynamoDB for darwin [^\n]+AWS_ENDPOINT_URL_DYNAMODB=\S+\n$/,
    ),
  });
});
