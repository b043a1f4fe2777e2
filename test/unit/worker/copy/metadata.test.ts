import fc from 'fast-check';
import { expect, it } from 'vitest';
import { isOfAnotherFile, isOurs, objectMetadata } from '../../../../lambda/worker/copy/metadata.ts';

const IDENTITY = {
  'zencoder-job': '1',
  'zencoder-output': '2',
  'zencoder-role': 'media',
  'zencoder-file': 'abcdef',
};

it('fits into headers and into the 2 KB of S3, whatever the values', () => {
  const values = fc.dictionary(
    fc.stringMatching(/^[a-z-]{1,20}$/),
    fc.string({ unit: 'binary', maxLength: 3000 }),
  );
  fc.assert(
    fc.property(values, (given) => {
      const made = objectMetadata({ ...given, ...IDENTITY });

      const characters = Object.entries(made).reduce(
        (sum, [name, value]) => sum + name.length + value.length,
        0,
      );
      expect(characters).toBeLessThanOrEqual(2048);
      for (const value of Object.values(made))
        expect(value).toMatch(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
      expect(made).toMatchObject(IDENTITY);
    }),
  );
});

it('can be read back by percent-decoding', () => {
  const made = objectMetadata({ 'zencoder-label': 'Größe 100% 🎬' });
  expect(decodeURIComponent(made['zencoder-label'] ?? '')).toBe('Größe 100% 🎬');
});

it('makes an object ours by its identity alone', () => {
  expect(isOurs({ ...IDENTITY, 'zencoder-label': 'old' }, { ...IDENTITY, 'zencoder-label': 'new' })).toBe(
    true,
  );
  for (const key of Object.keys(IDENTITY)) expect(isOurs({ ...IDENTITY, [key]: 'x' }, IDENTITY)).toBe(false);
  expect(isOurs({}, IDENTITY)).toBe(false);
  expect(isOurs(undefined, IDENTITY)).toBe(false);
});

it('takes an object for one of another file by a whole identity that differs', () => {
  for (const key of Object.keys(IDENTITY)) {
    expect(isOfAnotherFile({ ...IDENTITY, [key]: 'x' }, IDENTITY)).toBe(true);
    expect(isOfAnotherFile({ ...IDENTITY, [key]: '' }, IDENTITY)).toBe(false);
  }
  expect(isOfAnotherFile({ ...IDENTITY, 'zencoder-label': 'x' }, IDENTITY)).toBe(false);
  expect(isOfAnotherFile({ 'zencoder-job': '2' }, IDENTITY)).toBe(false);
  expect(isOfAnotherFile({}, IDENTITY)).toBe(false);
  expect(isOfAnotherFile(undefined, IDENTITY)).toBe(false);
});

it('makes nothing ours without an identity', () => {
  expect(isOurs({}, { 'zencoder-label': 'x' })).toBe(false);
});
