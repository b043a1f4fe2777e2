import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Cell, type Column, mapAhead, widthsOf, writeTable } from '../../../../infra/cli/lib/table.ts';
import { sanitize, type Terminal, terminalOf } from '../../../../infra/cli/lib/terminal.ts';

async function* numbers(count: number) {
  for (let n = 0; n < count; n++) yield n;
}

describe('mapAhead', () => {
  it('keeps the order and never has more under way than it may', async () => {
    let underWay = 0;
    let most = 0;
    const results = await Array.fromAsync(
      mapAhead(numbers(20), 4, async (n) => {
        most = Math.max(most, ++underWay);
        await new Promise(setImmediate);
        underWay--;
        return n * 2;
      }),
    );
    expect(results).toEqual(Array.from({ length: 20 }, (_, n) => n * 2));
    expect(most).toBe(4);
  });

  it('fails with the first failure in order, after what came before it', async () => {
    const seen: number[] = [];
    const work = async (n: number) => {
      if (n === 3) throw new Error('third');
      return n;
    };
    const read = async () => {
      for await (const n of mapAhead(numbers(6), 2, work)) seen.push(n);
    };
    await expect(read()).rejects.toThrow('third');
    expect(seen).toEqual([0, 1, 2]);
  });
});

const COLUMNS: readonly Column[] = [
  { title: 'job', most: 20 },
  { title: 'message', most: 30 },
  { title: 'state', most: 10 },
];

async function tableOf(
  rows: readonly (readonly Cell[])[],
  terminal: Partial<Terminal> = {},
): Promise<string> {
  let written = '';
  async function* all() {
    yield* rows;
  }
  const whole: Terminal = {
    width: undefined,
    paint: (_, text) => text,
    write: async (text) => {
      written += text;
    },
    ...terminal,
  };
  await writeTable(whole, COLUMNS, all());
  return written;
}

const row = (...texts: string[]): Cell[] => texts.map((text) => ({ text }));

describe('a table', () => {
  it('aligns its columns to what is in them', async () => {
    expect(await tableOf([row('1', 'denied', 'lost'), row('12345', 'no such host', 'recovered')])).toBe(
      ['job    message       state', '1      denied        lost', '12345  no such host  recovered', ''].join(
        '\n',
      ),
    );
  });

  it('is nothing without rows', async () => {
    expect(await tableOf([])).toBe('');
  });

  it('cuts cells that are too long, with a mark', async () => {
    const written = await tableOf([row('1', 'x'.repeat(99), 'lost')]);
    expect(written).toContain(`${'x'.repeat(29)}…  lost`);
  });

  it('fits the terminal, its widest column giving way', () => {
    const rows = [row('1', 'x'.repeat(99), 'lost')];
    expect(widthsOf(COLUMNS, rows, 30)).toEqual([3, 18, 5]);
    expect(widthsOf(COLUMNS, rows, 200)).toEqual([3, 30, 5]);
    expect(widthsOf(COLUMNS, rows, 1)).toEqual([3, 8, 5]);
  });

  it('keeps its widths from the first block on, so that later rows need not be known', async () => {
    const rows = Array.from({ length: 120 }, (_, index) =>
      row(String(index), index < 100 ? 'a' : 'longer than all', 's'),
    );
    const lines = (await tableOf(rows)).trimEnd().split('\n');
    expect(lines).toHaveLength(121);
    expect(lines.at(-1)).toBe('119  longer…  s');
  });

  it('lets no text from outside steer the terminal', async () => {
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

  it('leaves text of every language as it is', () => {
    for (const text of ['Überraschung', '日本語', 'مرحبا', '🎬 take 1', 'a\u00a0b']) {
      expect(sanitize(text)).toBe(text);
    }
  });
});

describe('colours', () => {
  const stream = (isTTY: boolean) => Object.assign(Object.create(process.stdout), { isTTY, columns: 80 });

  it('are for terminals only, and not when NO_COLOR is set', () => {
    const painted = (isTTY: boolean, environment: NodeJS.ProcessEnv) =>
      terminalOf(stream(isTTY), environment).paint('red', 'lost');
    expect(painted(true, {})).toBe('\u001b[31mlost\u001b[0m');
    expect(painted(true, { NO_COLOR: '1' })).toBe('lost');
    expect(painted(true, { TERM: 'dumb' })).toBe('lost');
    expect(painted(false, {})).toBe('lost');
  });
});
