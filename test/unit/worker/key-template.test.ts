import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BackupFile } from '../../../lambda/shared/zencoder/model.ts';
import {
  DEFAULT_KEY_TEMPLATE,
  InvalidKeyTemplate,
  type KeySource,
  keysOf,
  parseKeyTemplate,
  secondKeyOf,
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

describe('keysOf with the default template', () => {
  it('builds the key of job, output, role and file name', () => {
    expect(keyOf(DEFAULT_KEY_TEMPLATE, source())).toBe('zencoder-recovery/17/42/media/be8cbef3.mp4');
  });

  it('puts thumbnails under the label of their set', () => {
    const thumbnail = source({ role: 'thumbnail', thumbnailLabel: 'strip', filename: 'frame_0000.png' });

    expect(keyOf(DEFAULT_KEY_TEMPLATE, thumbnail)).toBe(
      'zencoder-recovery/17/42/thumbnail/strip/frame_0000.png',
    );
  });

  it('adds the file id to files of the same name in sets without a label', () => {
    const sameName = ['aaaa', 'bbbb'].map((fileId) =>
      source({ role: 'thumbnail', filename: 'frame_0000.png' }, null, fileId),
    );

    expect(keysOf(parseKeyTemplate(DEFAULT_KEY_TEMPLATE), sameName)).toEqual([
      'zencoder-recovery/17/42/thumbnail/frame_0000-aaaa.png',
      'zencoder-recovery/17/42/thumbnail/frame_0000-bbbb.png',
    ]);
  });
});

describe('secondKeyOf', () => {
  it.each([
    ['a/frame.png', 'a/frame-f00d.png'],
    ['a.b/frame', 'a.b/frame-f00d'],
    ['a/.hidden', 'a/.hidden-f00d'],
    ['a/frame.tar.gz', 'a/frame.tar-f00d.gz'],
  ])('inserts the file id of %s before the extension', (key, second) => {
    expect(secondKeyOf(key, 'f00d')).toBe(second);
  });

  it('returns null where the key ends with the file id already', () => {
    expect(secondKeyOf('a/frame-f00d.png', 'f00d')).toBeNull();
    expect(secondKeyOf('a/frame-f00d', 'f00d')).toBeNull();
  });

  it('returns null where keysOf has added the file id, or has cut the key', () => {
    const sameName = ['aaaa', 'bbbb'].map((fileId) => source({ filename: 'x.png' }, null, fileId));
    for (const [index, key] of keysOf(parseKeyTemplate('{filename}'), sameName).entries()) {
      expect(secondKeyOf(key, sameName[index]?.fileId ?? '')).toBeNull();
    }
    for (const filename of [`${'x'.repeat(2000)}.png`, `x.${'y'.repeat(2000)}`]) {
      expect(secondKeyOf(keyOf('{filename}', source({ filename })) ?? '', 'f00d')).toBeNull();
    }
  });
});

describe('keysOf', () => {
  it.each([
    ['{pass_through}/{filename}', 'shows/ep-103', 'shows/ep-103/be8cbef3.mp4'],
    ['{pass_through.tenant}/{filename}', '{"tenant":"acme"}', 'acme/be8cbef3.mp4'],
    ['{pass_through.a.b}/{filename}', '{"a":{"b":7}}', '7/be8cbef3.mp4'],
    ['{pass_through.missing}/{filename}', '{"tenant":"acme"}', 'be8cbef3.mp4'],
    ['{pass_through.tenant}/{filename}', 'not json', 'be8cbef3.mp4'],
    ['{pass_through}/{filename}', '../../etc/pass wd', '--/--/etc/pass-wd/be8cbef3.mp4'],
    ['{label}-{basename}.{extension}', null, 'hd-be8cbef3.mp4'],
    ['{output_id}/{file_id}', null, '42/f00d'],
  ])('fills %s with pass_through %j to %s', (template, passThrough, key) => {
    expect(keyOf(template, source({}, passThrough))).toBe(key);
  });
});

describe('parseKeyTemplate', () => {
  it.each([
    ['{job}/{filename}', /unknown placeholder \{job\}; known are \{job_id\}/],
    ['{constructor}/{filename}', /unknown placeholder/],
    ['{filename', /brace without its partner/],
    ['{job_id}', /same key/],
  ])('rejects %s', (template, message) => {
    expect(() => parseKeyTemplate(template)).toThrow(InvalidKeyTemplate);
    expect(() => parseKeyTemplate(template)).toThrow(message);
  });
});

describe('keysOf and secondKeyOf, for any values', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 300 });

  it('build a key of at most 1024 bytes, well-formed, without an empty, "." or ".." segment or a control character', () => {
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

  it('build a second key that is as safe, differs from the first, and has no further one', () => {
    fc.assert(
      fc.property(anyText, anyText, (label, filename) => {
        const base = source({ filename });
        const key = keyOf('{label}/{filename}', { ...base, output: { ...base.output, label } }) ?? '';
        const second = secondKeyOf(key, 'f00d');
        fc.pre(second !== null);

        expect(second).not.toBe(key);
        expect(Buffer.byteLength(second)).toBeLessThanOrEqual(1024);
        expect(second.isWellFormed()).toBe(true);
        expect(secondKeyOf(second, 'f00d')).toBeNull();
      }),
    );
  });

  it('build one key for a file that is listed twice', () => {
    fc.assert(
      fc.property(anyText, (filename) => {
        const one = source({ filename });
        const [first, again] = keysOf(parseKeyTemplate(DEFAULT_KEY_TEMPLATE), [one, one]);

        expect([first, again]).toEqual([keyOf(DEFAULT_KEY_TEMPLATE, one), keyOf(DEFAULT_KEY_TEMPLATE, one)]);
      }),
    );
  });

  it('never build one key for two files of an output', () => {
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
