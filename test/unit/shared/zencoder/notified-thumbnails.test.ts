import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Allowance, readThumbnails } from '../../../../lambda/shared/zencoder/notified-thumbnails.ts';

const [A, B] = ['https://h/a.png', 'https://h/b.png'];

function read(json: unknown) {
  return readThumbnails(json, new Allowance(Number.POSITIVE_INFINITY));
}

/** Label and URL of each thumbnail. */
function found(json: unknown) {
  const { thumbnails, unreadable } = read(json);
  expect(unreadable).toBe(0);
  return thumbnails.map(({ label, url }) => [label, url]);
}

describe('readThumbnails', () => {
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
  ])('reads label and images from %s', (_, json) => {
    expect(found(json)).toEqual(labelled);
  });

  it.each([
    ['one image for images', { images: { url: A } }],
    ['one URL for images', { images: A }],
    ['one image', { url: A }],
    ['one URL', A],
    ['a map by position', { 0: { url: A } }],
  ])('reads an image without label from %s', (_, json) => {
    expect(found(json)).toEqual([[null, A]]);
  });

  it.each([null, undefined, [], {}, [null], { images: null }, { images: [] }, { poster: [] }])(
    'finds none in %j',
    (json) => {
      expect(found(json)).toEqual([]);
    },
  );

  it.each([7, 'none', true, ['a.png'], { label: 'poster' }, { images: 7 }, [{ url: 7 }], { url: '' }])(
    'counts %j as unreadable',
    (json) => {
      expect(read(json)).toEqual({ thumbnails: [], unreadable: 1 });
    },
  );

  it.each([
    ['of a set', (label: string) => [{ label, images: [A] }]],
    ['that names a list', (label: string) => ({ [label]: [A] })],
    ['of an image', (label: string) => [{ url: A, group_label: label }]],
  ])('cuts the label %s at a whole character, to 255 at most', (_, labelled) => {
    expect(found(labelled('p'.repeat(255)))).toEqual([['p'.repeat(255), A]]);
    expect(found(labelled(`${'p'.repeat(254)}😀`))).toEqual([['p'.repeat(254), A]]);
  });

  it('keeps readable images beside unreadable ones', () => {
    expect(read([{ images: [A, 7] }, 'none', { url: B }])).toMatchObject({
      thumbnails: [{ url: A }, { url: B }],
      unreadable: 2,
    });
  });

  it('counts images beyond the allowance separately from unreadable ones', () => {
    const allowance = new Allowance(1);
    expect(readThumbnails([A, { url: 7 }, B], allowance)).toEqual({
      thumbnails: [{ label: null, url: A, size: null }],
      unreadable: 0,
    });
    expect(allowance.beyond).toBe(2);
  });

  it('loses no image of any sets, in any shape', () => {
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

  it('returns images with a URL, or a count, for any value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const { thumbnails, unreadable } = read(json);
        expect(unreadable).toBeGreaterThanOrEqual(0);
        for (const { url } of thumbnails) expect(url).not.toBe('');
      }),
    );
  });
});
