import { expect, test } from 'vitest';
import type { Terminal } from '../../../../infra/cli/lib/terminal.ts';
import { LiveView } from '../../../../infra/local/demo/live-view.ts';
import { bytes, table } from '../../../../infra/local/demo/report.ts';

test('LiveView writes a line for each change of state and nothing else without a terminal', async () => {
  const { terminal, written } = screen({ width: undefined });
  const view = new LiveView(terminal, 24);

  await view.show([line('a', 'copying', '10 %')]);
  await view.show([line('a', 'copying', '20 %'), line('b', 'copying', '')]);
  await view.show([line('a', 'recovered', '8 B'), line('b', 'copying', '')]);

  const states = written()
    .split('\n')
    .map((text) => text.split(/\s+/).slice(0, 2).join(' '));
  expect(states).toEqual(['a copying', 'b copying', 'a recovered', '']);
  expect(written()).not.toContain('\u001b');
});

test('LiveView redraws the same lines in place on a terminal and never wraps them', async () => {
  const { terminal, written } = screen({ width: 70 });
  const view = new LiveView(terminal, 24);

  await view.show([line('a', 'copying', 'x'.repeat(200)), line('b', 'copying', '')]);
  const first = written();
  await view.show([line('a', 'recovered', ''), line('b', 'copying', '')]);

  expect(first.split('\n').every((text) => text.replaceAll('\u001b[2K', '').length < 72)).toBe(true);
  expect(written().slice(first.length).startsWith('\u001b[2A')).toBe(true);
});

test('LiveView paints states as the terminal allows', async () => {
  const coloured = screen({
    width: 100,
    paint: (colour, text) => (colour === undefined ? text : `<${colour}>${text}`),
  });
  await new LiveView(coloured.terminal).show([line('a', 'recovered', '')]);
  const plain = screen({ width: 100 });
  await new LiveView(plain.terminal).show([line('a', 'recovered', '')]);

  expect(coloured.written()).toContain('<green>recovered');
  expect(plain.written()).not.toContain('<green>');
});

test('table gives each column the room that it needs and aligns numbers to the right', () => {
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
])('bytes shows %d bytes as %s', (count, shown) => {
  expect(bytes(count)).toBe(shown);
});

function line(id: string, state: string, detail: string) {
  return { id, text: id, state, detail };
}

function screen(options: Partial<Terminal>) {
  let text = '';
  const terminal: Terminal = {
    width: 100,
    paint: (_colour, plain) => plain,
    write: async (more) => {
      text += more;
    },
    ...options,
  };
  return { terminal, written: () => text };
}
