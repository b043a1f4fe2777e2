import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allowance, readThumbnails } from '../../../../lambda/shared/zencoder/notified-thumbnails.ts';

const [A, B] = ['https://h/a.png', 'https://h/b.png'];

function read(json: unknown, most = Number.POSITIVE_INFINITY) {
  return readThumbnails(json, new Allowance(most));
}

/** Label and URL of each. */
function found(json: unknown) {
  const { thumbnails, unreadable } = read(json);
  expect(unreadable).toBe(0);
  return thumbnails.map(({ label, url }) => [label, url]);
}

describe('thumbnails', () => {
  const labelled = [
    ['poster', A],
    ['poster', B],
  ];

  it.each([
    ['a list of sets', [{ label: 'poster', images: [{ url: A }, { url: B }] }]],
    ['a single set', { label: 'poster', images: [{ url: A }, { url: B }] }],
    ['a set whose images are URLs', [{ label: 'poster', images: [A, B] }]],
    ['a set whose images are a map by position', { label: 'poster', images: { 0: { url: A }, 1: B } }],
    ['a map of sets by label', { poster: { images: [{ url: A }, { url: B }] } }],
    ['a map of lists by label', { poster: [A, { url: B }] }],
    ['a map of sets with labels of their own', { x: { label: 'poster', images: [A, B] } }],
    ['a list of images with the label of their group', [A, B].map((url) => ({ url, group_label: 'poster' }))],
  ])('are read from %s', (_, json) => {
    expect(found(json)).toEqual(labelled);
  });

  it.each([
    ['one image for images', { images: { url: A } }],
    ['one URL for images', { images: A }],
    ['one image', { url: A }],
    ['one URL', A],
    ['a map by position', { 0: { url: A } }],
  ])('are read from %s', (_, json) => {
    expect(found(json)).toEqual([[null, A]]);
  });

  it.each([null, undefined, [], {}, [null], { images: null }, { images: [] }, { poster: [] }])(
    'are none in %j',
    (json) => {
      expect(found(json)).toEqual([]);
    },
  );

  it.each([7, 'none', true, ['a.png'], { label: 'poster' }, { images: 7 }, [{ url: 7 }], { url: '' }])(
    'that cannot be read are counted: %j',
    (json) => {
      expect(read(json)).toEqual({ thumbnails: [], unreadable: 1 });
    },
  );

  it.each([
    ['of a set', (label: string) => [{ label, images: [A] }]],
    ['that names a list', (label: string) => ({ [label]: [A] })],
    ['of an image', (label: string) => [{ url: A, group_label: label }]],
  ])('have a label %s of 255 characters at most, cut at the end of a character', (_, labelled) => {
    expect(found(labelled('p'.repeat(255)))).toEqual([['p'.repeat(255), A]]);
    expect(found(labelled(`${'p'.repeat(254)}😀`))).toEqual([['p'.repeat(254), A]]);
  });

  it('keep what can be read beside what cannot', () => {
    expect(read([{ images: [A, 7] }, 'none', { url: B }])).toMatchObject({
      thumbnails: [{ url: A }, { url: B }],
      unreadable: 2,
    });
  });

  it('beyond the allowance are counted, and not among those that cannot be read', () => {
    const allowance = new Allowance(1);
    expect(readThumbnails([A, { url: 7 }, B], allowance)).toEqual({
      thumbnails: [{ label: null, url: A, size: null }],
      unreadable: 0,
    });
    expect(allowance.beyond).toBe(2);
  });

  it('lose no image of whatever sets there are, in whichever of the shapes', () => {
    const url = fc.nat().map((number) => `https://h/${number}.png`);
    const image = fc.oneof(url, fc.record({ url }));
    const images = fc.array(image, { minLength: 1 });
    const set = fc.record({ label: fc.option(fc.string()), images });
    const shape = fc.oneof(
      fc.array(set),
      set,
      images,
      fc.dictionary(fc.string({ minLength: 7 }), fc.oneof(images, set)),
    );
    fc.assert(
      fc.property(shape, (json) => {
        fc.pre(
          !(typeof json === 'object' && ('images' in json || 'url' in json) && !Array.isArray(json.images)),
        );
        const urls = JSON.stringify(json).match(/https:\/\/h\/[0-9]+\.png/g) ?? [];
        expect(read(json).thumbnails.map((thumbnail) => thumbnail.url)).toEqual(urls);
        expect(read(json).unreadable).toBe(0);
      }),
    );
  });

  it('are images or a count, whatever the value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const { thumbnails, unreadable } = read(json);
        expect(unreadable).toBeGreaterThanOrEqual(0);
        for (const { url } of thumbnails) expect(url).not.toBe('');
      }),
    );
  });
});
