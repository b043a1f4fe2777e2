import { expect, test } from 'vitest';
import { LiveView } from '../../../../infra/local/demo/live-view.ts';
import { bytes, type Terminal, table } from '../../../../infra/local/demo/report.ts';

test('without a terminal, a line is written for each change of state and for nothing else', () => {
  const { terminal, written } = screen({ redraws: false });
  const board = new LiveView(terminal);

  board.show([line('a', 'copying', '10 %')]);
  board.show([line('a', 'copying', '20 %'), line('b', 'copying', '')]);
  board.show([line('a', 'recovered', '8 B'), line('b', 'copying', '')]);

  const states = written()
    .split('\n')
    .map((text) => text.split(/\s+/).slice(0, 2).join(' '));
  expect(states).toEqual(['a copying', 'b copying', 'a recovered', '']);
  expect(written()).not.toContain('\u001b');
});

test('on a terminal, the same lines are drawn again in place and never wrap', () => {
  const { terminal, written } = screen({ redraws: true, width: 70 });
  const board = new LiveView(terminal);

  board.show([line('a', 'copying', 'x'.repeat(200)), line('b', 'copying', '')]);
  const first = written();
  board.show([line('a', 'recovered', ''), line('b', 'copying', '')]);

  expect(first.split('\n').every((text) => text.replaceAll('\u001b[2K', '').length < 72)).toBe(true);
  expect(written().slice(first.length).startsWith('\u001b[2A')).toBe(true);
});

test('colours are left out where they are not wanted', () => {
  const coloured = screen({ redraws: true, colours: true });
  new LiveView(coloured.terminal).show([line('a', 'recovered', '')]);
  const plain = screen({ redraws: true, colours: false });
  new LiveView(plain.terminal).show([line('a', 'recovered', '')]);

  expect(coloured.written()).toContain('\u001b[32mrecovered');
  expect(plain.written()).not.toContain('\u001b[32m');
});

test('a table gives each column the room it needs, numbers to the right', () => {
  const text = table(
    ['key', 'size'],
    [
      ['a/long/key.mp4', '9 B'],
      ['b', '80.0 MiB'],
    ],
  );

  expect(text.split('\n').slice(2, 4)).toEqual(['  a/long/key.mp4       9 B', '  b               80.0 MiB']);
});

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [80 * 2 ** 20, '80.0 MiB'],
])('%d bytes are shown as %s', (count, shown) => {
  expect(bytes(count)).toBe(shown);
});

function line(id: string, state: string, detail: string) {
  return { id, text: id, state, detail };
}

function screen(options: Partial<Terminal>) {
  let text = '';
  const terminal: Terminal = {
    redraws: false,
    colours: false,
    width: 100,
    height: 24,
    write: (more) => {
      text += more;
    },
    ...options,
  };
  return { terminal, written: () => text };
}
