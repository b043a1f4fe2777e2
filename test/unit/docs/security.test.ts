import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const root = new URL('../../../', import.meta.url);
const lines = readFileSync(new URL('.github/SECURITY.md', root), 'utf8').split('\n');
const attackers = lines.slice(
  lines.indexOf('## Attackers, and what stops them'),
  lines.indexOf('## Findings of scanners'),
);
/** Rows of the table, without its head. */
const rows = attackers.filter((line) => line.startsWith('|')).slice(2);

describe('the table of attackers in SECURITY.md', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(20);
  });

  it.each(rows)('names a test that exists: %s', (row) => {
    const [, file = '', title = ''] = /\| `(test\/[^`]+)`: (.+) \|$/.exec(row) ?? [];
    expect(existsSync(new URL(file, root)), file).toBe(true);
    const source = readFileSync(new URL(file, root), 'utf8').replaceAll("\\'", "'");
    expect(source).toContain(`it('${title}'`);
  });
});
