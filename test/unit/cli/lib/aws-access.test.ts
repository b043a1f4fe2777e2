import { PassThrough } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { askMfaCode, regionOf } from '../../../../infra/cli/lib/aws-access.ts';

describe('regionOf', () => {
  const files = {
    credentialsFile: { dev: { region: 'eu-west-1' }, default: { region: 'eu-west-2' } },
    configFile: {
      dev: { region: 'eu-west-3' },
      ops: { region: 'eu-north-1' },
      default: { region: 'eu-south-1' },
    },
  };

  it.each([
    [{ AWS_PROFILE: 'dev' }, 'eu-west-1'],
    [{ AWS_DEFAULT_PROFILE: 'ops' }, 'eu-north-1'],
    [{ AWS_PROFILE: 'without-a-region' }, 'eu-west-2'],
    [{}, 'eu-west-2'],
  ])('takes the region of the profile, else of the default one: %o', (environment, region) => {
    expect(regionOf(environment, files)).toBe(region);
  });

  it('is us-east-1 where nothing names one', () => {
    expect(regionOf({ AWS_PROFILE: 'dev' }, { credentialsFile: {}, configFile: {} })).toBe('us-east-1');
  });

  it('takes the first variable that is not empty before any file', () => {
    const names = ['AWS_REGION', 'AMAZON_REGION', 'AWS_DEFAULT_REGION', 'AMAZON_DEFAULT_REGION'];
    const variables = fc.record(
      Object.fromEntries(names.map((name) => [name, fc.constantFrom('', 'ap-east-1', 'sa-east-1')])),
    );
    fc.assert(
      fc.property(variables, (environment) => {
        const first = names.map((name) => environment[name]).find((value) => value !== '');
        expect(regionOf(environment, files)).toBe(first ?? 'eu-west-2');
      }),
    );
  });
});

describe('askMfaCode', () => {
  const device = 'arn:aws:iam::111122223333:mfa/jane';

  it('asks on the terminal, not in the result', async () => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    const stderr = new PassThrough({ encoding: 'utf8' });
    stdin.end(' 123456 \n');
    await expect(askMfaCode(device, stdin, stderr)).resolves.toBe('123456');
    expect(stderr.read()).toBe(`MFA token for ${device}: `);
  });

  it('fails without a terminal, naming the device', async () => {
    await expect(askMfaCode(device, new PassThrough(), new PassThrough())).rejects.toThrow(
      `a code of the MFA device ${device}`,
    );
  });
});
