import { resolve, sep } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pathInside } from '../../../../infra/local/start/mirror.ts';

describe('the path of a mirrored object', () => {
  it('is the key below the folder', () => {
    expect(pathInside('out', 'a/b.mp4')).toBe(resolve('out/a/b.mp4'));
    expect(pathInside('out', '/a//b.mp4')).toBe(resolve('out/a/b.mp4'));
  });

  it.each(['../x', 'a/../../x', '..', '.', '', 'folder/'])('does not exist for the key %j', (key) => {
    expect(pathInside('out', key)).toBeUndefined();
  });

  it('has names that a file system takes, however long those of the key are, and keeps their extension', () => {
    const path = pathInside('out', `${'界'.repeat(200)}/${'a'.repeat(400)}.mp4`) ?? '';
    expect(path).toMatch(/\.mp4$/);
    expect(path).not.toContain('\ufffd');
    for (const name of path.split(sep)) expect(Buffer.byteLength(`${name}.part`)).toBeLessThanOrEqual(255);
  });

  it('tells long names with the same beginning apart', () => {
    const [one, two] = ['1', '2'].map((end) => pathInside('out', `${'a'.repeat(400)}${end}.mp4`));
    expect(one).not.toBe(two);
  });

  it('never leads out of the folder', () => {
    const piece = fc.oneof(fc.constantFrom('..', '.', '/', '\\', ''), fc.string());
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const path = pathInside('out', pieces.join('/'));
        expect(path === undefined || path.startsWith(resolve('out') + sep)).toBe(true);
      }),
    );
  });
});
