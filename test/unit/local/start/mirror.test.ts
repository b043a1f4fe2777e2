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
