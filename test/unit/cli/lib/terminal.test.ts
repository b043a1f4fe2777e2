import { describe, expect, it } from 'vitest';
import { progressOn } from '../../../../infra/cli/lib/terminal.ts';

function written(width: number | undefined) {
  const texts: string[] = [];
  const terminal = {
    width,
    paint: (_: unknown, text: string) => text,
    write: async (text: string) => void texts.push(text),
  };
  return { progress: progressOn(terminal), text: () => texts.join('') };
}

describe('progressOn', () => {
  it('writes one line, truncated to the terminal, and clears it before the result', async () => {
    const { progress, text } = written(10);
    await progress.show('1 of 20 messages');
    await progress.clear();
    expect(text()).toBe('\r\u001b[2K1 of 20 m\r\u001b[2K');
  });

  it('never truncates within a character', async () => {
    const { progress, text } = written(10);
    await progress.show('12345678😀');
    expect(text()).toBe('\r\u001b[2K12345678');
  });

  it('writes nothing to a file or a pipe', async () => {
    const { progress, text } = written(undefined);
    await progress.show('1 of 20');
    await progress.clear();
    expect(text()).toBe('');
  });
});
