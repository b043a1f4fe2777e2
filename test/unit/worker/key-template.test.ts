import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackupFile } from '../../../lambda/shared/model.ts';
import {
  DEFAULT_KEY_TEMPLATE,
  InvalidKeyTemplate,
  type KeySource,
  keysOf,
  parseKeyTemplate,
} from '../../../lambda/worker/key-template.ts';

const media: BackupFile = {
  role: 'media',
  url: 'https://zencoder-live.s3.amazonaws.com/o/1/2.mp4?Signature=x',
  deadline: 0,
  filename: 'be8cbef3.mp4',
  thumbnailLabel: null,
  size: null,
  md5: null,
};

function source(
  changes: Partial<BackupFile> = {},
  passThrough: string | null = null,
  fileId = 'f00d',
): KeySource {
  return {
    job: { id: '17', passThrough, test: false },
    output: { id: '42', label: 'hd', type: 'standard' },
    file: { ...media, ...changes },
    fileId,
  };
}

const keyOf = (template: string, given: KeySource) => keysOf(parseKeyTemplate(template), [given])[0];

describe('the default template', () => {
  it('names job, output, role and file', () => {
    expect(keyOf(DEFAULT_KEY_TEMPLATE, source())).toBe('zencoder-recovery/17/42/media/be8cbef3.mp4');
  });

  it('puts thumbnails under the label of their set', () => {
    const thumbnail = source({ role: 'thumbnail', thumbnailLabel: 'strip', filename: 'frame_0000.png' });

    expect(keyOf(DEFAULT_KEY_TEMPLATE, thumbnail)).toBe(
      'zencoder-recovery/17/42/thumbnail/strip/frame_0000.png',
    );
  });

  it('tells files apart that have the same name in sets without a label', () => {
    const twins = ['aaaa', 'bbbb'].map((fileId) =>
      source({ role: 'thumbnail', filename: 'frame_0000.png' }, null, fileId),
    );

    expect(keysOf(parseKeyTemplate(DEFAULT_KEY_TEMPLATE), twins)).toEqual([
      'zencoder-recovery/17/42/thumbnail/frame_0000-aaaa.png',
      'zencoder-recovery/17/42/thumbnail/frame_0000-bbbb.png',
    ]);
  });
});

describe('placeholders', () => {
  it.each([
    ['{pass_through}/{filename}', 'shows/ep-103', 'shows/ep-103/be8cbef3.mp4'],
    ['{pass_through.tenant}/{filename}', '{"tenant":"acme"}', 'acme/be8cbef3.mp4'],
    ['{pass_through.a.b}/{filename}', '{"a":{"b":7}}', '7/be8cbef3.mp4'],
    ['{pass_through.missing}/{filename}', '{"tenant":"acme"}', 'be8cbef3.mp4'],
    ['{pass_through.tenant}/{filename}', 'not json', 'be8cbef3.mp4'],
    ['{pass_through}/{filename}', '../../etc/pass wd', '--/--/etc/pass-wd/be8cbef3.mp4'],
    ['{label}-{basename}.{extension}', null, 'hd-be8cbef3.mp4'],
    ['{output_id}/{file_id}', null, '42/f00d'],
  ])('%s with pass_through %j gives %s', (template, passThrough, key) => {
    expect(keyOf(template, source({}, passThrough))).toBe(key);
  });

  it.each([
    ['{job}/{filename}', /unknown placeholder \{job\}; known are \{job_id\}/],
    ['{constructor}/{filename}', /unknown placeholder/],
    ['{filename', /brace without its partner/],
    ['{job_id}', /same key/],
  ])('refuses %s', (template, message) => {
    expect(() => parseKeyTemplate(template)).toThrow(InvalidKeyTemplate);
    expect(() => parseKeyTemplate(template)).toThrow(message);
  });
});

describe('whatever the values are', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 300 });

  it('a key is safe: at most 1024 bytes, well-formed, no empty, "." or ".." segment, no control character', () => {
    const template = parseKeyTemplate('{label}/{thumbnail_label}/{pass_through}/{pass_through.x}/{filename}');
    fc.assert(
      fc.property(
        anyText,
        anyText,
        fc.option(anyText),
        anyText,
        (label, thumbnailLabel, passThrough, filename) => {
          const base = source({ thumbnailLabel, filename }, passThrough);
          const [key = ''] = keysOf(template, [{ ...base, output: { ...base.output, label } }]);

          expect(Buffer.byteLength(key)).toBeLessThanOrEqual(1024);
          expect(key.isWellFormed()).toBe(true);
          expect(key).not.toMatch(/\p{Cc}/u);
          for (const segment of key.split('/')) expect(['.', '..']).not.toContain(segment);
          expect(key).not.toMatch(/^\/|\/\//);
        },
      ),
    );
  });

  it('files of one output with different file ids never share a key', () => {
    const file = fc.record({
      filename: fc.constantFrom('a.png', 'b.png', 'x'.repeat(2000)),
      thumbnailLabel: fc.constantFrom(null, 's'),
    });
    fc.assert(
      fc.property(fc.array(file, { maxLength: 12 }), (files) => {
        const sources = files.map((changes, index) => source(changes, null, `id${index}`));
        const keys = keysOf(parseKeyTemplate(DEFAULT_KEY_TEMPLATE), sources);

        expect(new Set(keys).size).toBe(keys.length);
      }),
    );
  });
});
