import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseConfig, SETTINGS } from '../../../infra/config.ts';

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
const packageJson: { scripts: Record<string, string> } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
);

/** Rows of the settings table: name and default, as written. */
const rows = new Map(
  [...readme.matchAll(/^\| `(\w+)` \| (.+?) \| .+ \|$/gm)].map(([, name = '', fallback = '']) => [
    name,
    fallback,
  ]),
);

/** A setting as it would be written on a command line. */
function textOf(value: unknown): string | undefined {
  return typeof value === 'string' || value === undefined ? value : JSON.stringify(value);
}

describe('README', () => {
  it('documents exactly the settings that exist', () => {
    expect([...rows.keys()].toSorted()).toEqual([...SETTINGS].toSorted());
  });

  it('states the default of every setting', () => {
    const defaults: Record<string, unknown> = { ...parseConfig({}) };
    for (const [name, fallback] of rows) {
      const written = /^`(.*)`$/.exec(fallback)?.[1];
      expect.soft(written, name).toBe(textOf(defaults[name]));
    }
  });

  it('names only npm scripts that exist', () => {
    const named = [...readme.matchAll(/npm (?:run )?([a-z-]+)/g)].map(([, script = '']) => script);
    const known = new Set([...Object.keys(packageJson.scripts), 'ci', 'and']);
    expect(named.filter((script) => !known.has(script))).toEqual([]);
  });
});
