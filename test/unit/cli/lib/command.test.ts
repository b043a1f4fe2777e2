import { describe, expect, it } from 'vitest';
import { HELP as failures } from '../../../../infra/cli/failures.ts';
import { HELP as notificationUrl } from '../../../../infra/cli/notification-url.ts';
import { HELP as preflight } from '../../../../infra/cli/preflight.ts';
import { HELP as redrive } from '../../../../infra/cli/redrive.ts';
import { HELP as sendTest } from '../../../../infra/cli/send-test.ts';
import { HELP as status } from '../../../../infra/cli/status.ts';

const commands = {
  failures,
  'notification-url': notificationUrl,
  preflight,
  redrive,
  'send-test': sendTest,
  status,
};

describe.each(Object.entries(commands))('npm run %s -- --help', (name, help) => {
  it('describes usage, the stack option and exit codes, with examples of the command', () => {
    expect(help).toMatch(new RegExp(`^Usage: npm run ${name} -- `));
    for (const option of ['--json', '--stack NAME', '--local']) expect(help).toContain(`  ${option} `);
    expect(help).toMatch(/\nExit codes: 0 .*\b1\b.*\b2\b/s);
    const examples = help
      .slice(help.indexOf('\nExamples:\n') + 11)
      .trimEnd()
      .split('\n');
    expect(examples.length).toBeGreaterThan(1);
    for (const example of examples)
      expect(example).toMatch(new RegExp(`^  npm run (--silent )?${name}( -- .*)?$`));
  });

  it('fits a terminal 120 characters wide', () => {
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });
});
