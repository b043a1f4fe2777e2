import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../../..');
const NAMED_CLASS = /class (\w+) extends \w+ \{\n {2}override readonly name = '(\w+)'/g;

/** Class and stored name of every error of the functions. */
function errorClasses(): { readonly className: string; readonly storedName: string }[] {
  const files = globSync('lambda/**/*.{ts,tsx}', { cwd: ROOT });
  return files.flatMap((file) =>
    [...readFileSync(join(ROOT, file), 'utf8').matchAll(NAMED_CLASS)].map(
      ([, className = '', storedName = '']) => ({ className, storedName }),
    ),
  );
}

describe('RecoveryError', () => {
  it('has subclasses that store the name of their class', () => {
    const classes = errorClasses();
    expect(classes.length).toBeGreaterThan(30);
    expect(classes.filter(({ className, storedName }) => className !== storedName)).toEqual([]);
  });

  it('has no two subclasses of one name, since the ledger and the pages identify a cause by its name', () => {
    const names = errorClasses().map(({ storedName }) => storedName);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});
