import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../../..');
const STORED_NAME = /override readonly name = '(\w+)'/g;
const NAMED_CLASS = /class (\w+) extends \w+ \{\n {2}override readonly name = '(\w+)'/g;

const sources = globSync('lambda/**/*.{ts,tsx}', { cwd: ROOT }).map((file) =>
  readFileSync(join(ROOT, file), 'utf8'),
);
/** Every name that an error of the functions is stored by. */
const storedNames = sources.flatMap((source) => [...source.matchAll(STORED_NAME)].map(([, name]) => name));

describe('RecoveryError', () => {
  it('has subclasses that store the name of their class', () => {
    const classes = sources.flatMap((source) => [...source.matchAll(NAMED_CLASS)]);
    expect(classes.map(([, , storedName]) => storedName)).toEqual(storedNames);
    expect(classes.filter(([, className, storedName]) => className !== storedName)).toEqual([]);
  });

  it('has no two subclasses of one name, since the ledger and the pages identify a cause by its name', () => {
    expect(storedNames.length).toBeGreaterThan(30);
    expect(storedNames.filter((name, index) => storedNames.indexOf(name) !== index)).toEqual([]);
  });
});
