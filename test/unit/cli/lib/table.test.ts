import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cell, type Column, widthsOf, writeTable } from '../../../../infra/cli/lib/table.ts';
import { sanitize, type Terminal, terminalOf } from '../../../../infra/cli/lib/terminal.ts';

type Row = readonly Cell[];

const cellAt = (index: number) => (row: Row) => row[index] ?? { text: '' };

const COLUMNS: readonly Column<Row>[] = [
  { title: 'job', maxWidth: 20, cellOf: cellAt(0) },
  { title: 'message', maxWidth: 30, cellOf: cellAt(1) },
  { title: 'state', maxWidth: 10, cellOf: cellAt(2) },
];

async function tableOf(rows: readonly Row[], terminal: Partial<Terminal> = {}): Promise<string> {
  let written = '';
  const whole: Terminal = {
    width: undefined,
    paint: (_, text) => text,
    write: async (text) => {
      written += text;
    },
    ...terminal,
  };
  await writeTable(whole, COLUMNS, rows);
  return written;
}

const row = (...texts: string[]): Cell[] => texts.map((text) => ({ text }));

describe('writeTable', () => {
  it('aligns columns to their content', async () => {
    expect(await tableOf([row('1', 'denied', 'lost'), row('12345', 'no such host', 'recovered')])).toBe(
      ['job    message       state', '1      denied        lost', '12345  no such host  recovered', ''].join(
        '\n',
      ),
    );
  });

  it('writes nothing without rows', async () => {
    expect(await tableOf([])).toBe('');
  });

  it('truncates cells that are too long, with an ellipsis', async () => {
    const written = await tableOf([row('1', 'x'.repeat(99), 'lost')]);
    expect(written).toContain(`${'x'.repeat(29)}…  lost`);
  });

  it('shrinks the widest column to fit the terminal', () => {
    const rows = [row('1', 'x'.repeat(99), 'lost')];
    expect(widthsOf(COLUMNS, rows, 30)).toEqual([3, 18, 5]);
    expect(widthsOf(COLUMNS, rows, 200)).toEqual([3, 30, 5]);
    expect(widthsOf(COLUMNS, rows, 1)).toEqual([3, 8, 5]);
  });

  it('keeps the widths of the first block for later rows', async () => {
    const rows = Array.from({ length: 120 }, (_, index) =>
      row(String(index), index < 100 ? 'a' : 'longer than all', 's'),
    );
    const lines = (await tableOf(rows)).trimEnd().split('\n');
    expect(lines).toHaveLength(121);
    expect(lines.at(-1)).toBe('119  longer…  s');
  });

  it('strips control sequences from untrusted text', async () => {
    const hostile = '\u001b[31mred\u001b]0;title\u0007\r\nnew line\u009b2J\u202Egnp.exe\u2066\u0000';
    const written = await tableOf([row(hostile, hostile, hostile)]);
    expect(written.split('\n')).toHaveLength(3);
    expect(written.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(sanitize(text)).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('leaves text of every language unchanged', () => {
    for (const text of ['Überraschung', '日本語', 'مرحبا', '🎬 take 1', 'a\u00a0b']) {
      expect(sanitize(text)).toBe(text);
    }
  });
});

describe('paint', () => {
  const stream = (isTTY: boolean) => Object.assign(Object.create(process.stdout), { isTTY, columns: 80 });

  it('colours on terminals only, and not with NO_COLOR set', () => {
    const painted = (isTTY: boolean, environment: NodeJS.ProcessEnv) =>
      terminalOf(stream(isTTY), environment).paint('red', 'lost');
    expect(painted(true, {})).toBe('\u001b[31mlost\u001b[0m');
    expect(painted(true, { NO_COLOR: '1' })).toBe('lost');
    expect(painted(true, { TERM: 'dumb' })).toBe('lost');
    expect(painted(false, {})).toBe('lost');
  });
});
