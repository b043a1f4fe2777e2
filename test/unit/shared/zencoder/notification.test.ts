import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeMessage, outputMessages, parseMessage } from '../../../../lambda/shared/queue/messages.ts';
import { NotJson, parseJson } from '../../../../lambda/shared/runtime/json.ts';
import { findFailedOutputs } from '../../../../lambda/shared/zencoder/failed-outputs.ts';
import { NotANotification, parseNotification } from '../../../../lambda/shared/zencoder/notification.ts';
import {
  DEFAULT_ZENCODER_STORAGE,
  parseStorageAllowList,
} from '../../../../lambda/shared/zencoder/storage.ts';
import { sampleText } from '../../../support/samples.ts';

const settings = { storage: parseStorageAllowList(DEFAULT_ZENCODER_STORAGE), collectUnsentOutputs: true };

describe('parseNotification', () => {
  it('reads an object "output" as an output notification', () => {
    const notification = parseNotification({ output: { id: 1 }, job: { id: 2, state: 'processing' } });
    expect(notification).toMatchObject({ kind: 'output', jobState: 'processing', job: { id: '2' } });
    expect(notification.outputs.map((output) => output.id)).toEqual(['1']);
  });

  it.each([
    { outputs: [{ id: 1 }, { id: 2 }], job: { id: 3 } },
    { job: { id: 3, outputs: [{ id: 1 }, { id: 2 }] } },
    { job: { id: 3, output_media_files: [{ id: 1 }, { id: 2 }] } },
    { output_media_files: [{ id: 1 }, { id: 2 }], job: { id: 3 } },
  ])('reads a list of outputs in any place as a job notification: %j', (body) => {
    const notification = parseNotification(body);
    expect(notification.kind).toBe('job');
    expect(notification.outputs.map((output) => output.id)).toEqual(['1', '2']);
  });

  it.each([
    { outputs: { id: 1 }, job: { id: 3 } },
    { output_media_files: { id: 1 }, job: { id: 3 } },
    { outputs: [], output: { id: 1 }, job: { id: 3 } },
    { outputs: null, output: { id: 1 }, job: { id: 3 } },
    { output: [{ id: 1 }], job: { id: 3 } },
    { outputs: { web: { id: 1 } }, job: { id: 3 } },
    { outputs: { 0: { id: 1 } }, job: { id: 3 } },
  ])('finds an output in any shape: %j', (body) => {
    const notification = parseNotification(body);
    expect(notification.outputs.map((output) => output.id)).toEqual(['1']);
    expect(notification.unreadable).toBe(0);
  });

  it('reads each different output once, where a list stands beside an output', () => {
    const [web, hd] = [
      { id: 1, label: 'web' },
      { id: 2, label: 'hd' },
    ];
    const idsOf = (body: object) => parseNotification(body).outputs.map((output) => output.id);
    expect(idsOf({ output: web, outputs: [web, hd], job: { id: 3 } })).toEqual(['1', '2']);
    expect(idsOf({ output: hd, outputs: [web], job: { id: 3 } })).toEqual(['1', '2']);
    expect(idsOf({ output: { ...web, state: 'finished' }, outputs: [web], job: { id: 3 } })).toEqual([
      '1',
      '1',
    ]);
  });

  it('counts a place for outputs that holds another value as unreadable', () => {
    expect(parseNotification({ outputs: 'text', output: { id: 1 } })).toMatchObject({
      outputs: [{ id: '1' }],
      unreadable: 1,
    });
  });

  it('counts a job without a valid id as unreadable, and accepts a missing job', () => {
    expect(parseNotification({ output: { id: 1 }, job: { id: 'abc' } }).unreadable).toBe(1);
    expect(parseNotification({ output: { id: 1 }, job: 'text' }).unreadable).toBe(1);
    expect(parseNotification({ output: { id: 1 } }).unreadable).toBe(0);
  });

  it('reads a job without outputs as a job notification with none', () => {
    expect(parseNotification({ job: { id: 3, state: 'failed' } })).toMatchObject({
      kind: 'job',
      outputs: [],
    });
    expect(parseNotification({ job: { id: 3 }, outputs: null })).toMatchObject({ kind: 'job', outputs: [] });
  });

  it('reads the event of a live output', () => {
    const notification = parseNotification(parseJson(sampleText('18')));
    expect(notification.outputs[0]).toMatchObject({ event: 'first_segment_uploaded', state: 'processing' });
  });

  it('accepts a missing job, unknown fields and unknown states', () => {
    const notification = parseNotification({ output: { id: 1, state: 'no input', new: {} }, more: 1 });
    expect(notification).toMatchObject({ job: { id: '0', passThrough: null, test: false } });
    expect(notification.outputs[0]?.state).toBe('no_input');
  });

  it.each([
    null,
    1,
    'text',
    [],
    [{ output: { id: 1 } }],
    {},
    { output: 'text' },
    { output: [] },
    { output: [], job: { id: 1 } },
    { outputs: 'text', job: { id: 1 } },
    { outputs: {}, job: { id: 1 } },
    { job: 'text' },
    { job: { id: 'abc' } },
    { hello: 'world' },
  ])('rejects %j and says what it expected', (body) => {
    expect(() => parseNotification(body)).toThrow(NotANotification);
    expect(() => parseNotification(body)).toThrow(/^expected /);
  });

  it.each([
    { output: {}, job: { id: 1 } },
    { output: { id: null }, job: { id: 1 } },
    { output: { id: '1; drop' }, job: { id: 1 } },
    { outputs: ['text', {}], job: { id: 1 } },
  ])('rejects outputs of which none has an id: %j', (body) => {
    expect(() => parseNotification(body)).toThrow(
      /expected (?:output|an element of outputs) to have a numeric id/,
    );
  });

  it('omits single outputs without an id, and counts them as unreadable', () => {
    const notification = parseNotification({
      outputs: [{ id: 1 }, null, 'text', { id: {} }],
      job: { id: 3 },
    });
    expect(notification.outputs.map((output) => output.id)).toEqual(['1']);
    expect(notification.unreadable).toBe(3);
  });
});

describe('parseNotification, of any JSON', () => {
  const url = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string().map((path) => `https://zencoder-live.s3.amazonaws.com/${path}`),
    fc.string(),
  );
  /** Any sequence of UTF-16 units, so with halves of characters. */
  const text = fc.string({ unit: fc.nat(0xff_ff).map((unit) => String.fromCharCode(unit)) });
  const anyOutput = fc.record(
    {
      id: fc.oneof(fc.nat(), fc.bigInt({ min: 0n, max: 2n ** 64n }).map(String), fc.jsonValue()),
      url: fc.oneof(url, fc.jsonValue()),
      state: fc.oneof(fc.constantFrom('finished', 'failed'), fc.jsonValue()),
      label: fc.oneof(text, fc.jsonValue()),
      backup_server_used: fc.oneof(fc.boolean(), fc.jsonValue()),
      file_size_in_bytes: fc.jsonValue(),
      md5_checksum: fc.jsonValue(),
      finished_at: fc.oneof(
        fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
        fc.jsonValue(),
      ),
      primary_upload_error_link: fc.oneof(fc.webUrl(), fc.jsonValue()),
      primary_upload_error_message: fc.oneof(text, fc.jsonValue()),
      error_link: fc.oneof(fc.webUrl(), fc.jsonValue()),
      thumbnails: fc.oneof(
        fc.array(fc.record({ label: fc.oneof(text, fc.jsonValue()), images: fc.array(fc.record({ url })) })),
        fc.jsonValue(),
      ),
    },
    { requiredKeys: [] },
  );
  const anyBody = fc.oneof(
    fc.jsonValue(),
    fc.record({ output: fc.oneof(anyOutput, fc.jsonValue()), job: fc.jsonValue() }, { requiredKeys: [] }),
    fc.record(
      { outputs: fc.array(fc.oneof(anyOutput, fc.jsonValue())), job: fc.jsonValue() },
      { requiredKeys: ['outputs'] },
    ),
  );

  it('rejects it, or reads a notification whose messages the worker can parse', () => {
    fc.assert(
      fc.property(anyBody, (body) => {
        let messages: string[] = [];
        try {
          const notification = parseNotification(parseJson(JSON.stringify(body)));
          messages = findFailedOutputs(notification, settings, 0)
            .flatMap((failedOutput) => outputMessages(notification.job, failedOutput, 'notification'))
            .map(encodeMessage);
        } catch (error) {
          if (!(error instanceof NotANotification || error instanceof NotJson)) throw error;
        }
        for (const message of messages) expect(hasHalfCharacters(parseMessage(message))).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('parseNotification, with bounds', () => {
  const image = { url: 'https://h/1.png' };
  const outputs = [1, 2, 3].map((id) => ({ id, thumbnails: [{ images: [image, image] }] }));

  it('reads every output when no bound is given', () => {
    const many = Array.from({ length: 10_000 }, (_, id) => ({ id, state: 'finished' }));
    expect(parseNotification({ outputs: many, job: { id: 1 } })).toMatchObject({ beyond: 0 });
  });

  it('reads the first outputs and counts the others', () => {
    const notification = parseNotification({ outputs, job: { id: 1 } }, { outputs: 2 });
    expect(notification.outputs.map(({ id }) => id)).toEqual(['1', '2']);
    expect(notification.beyond).toBe(1);
  });

  it('reads the first images of all outputs together and counts the others', () => {
    const notification = parseNotification({ outputs, job: { id: 1 } }, { thumbnails: 3 });
    expect(notification.outputs.map(({ thumbnails }) => thumbnails.length)).toEqual([2, 1, 0]);
    expect(notification).toMatchObject({ beyond: 3, unreadable: 0 });
  });

  it('reads images up to the bound of path characters, and none after the first that exceeds it', () => {
    const urls = [`https://h/1.png?${'q'.repeat(500)}`, `https://h/${'x'.repeat(30)}.png`, 'https://h/3.png'];
    const thumbnails = [{ images: urls.map((url) => ({ url })) }];
    const notification = parseNotification(
      { output: { id: 1, thumbnails }, job: { id: 1 } },
      { pathCharacters: 40 },
    );
    expect(notification.outputs[0]?.thumbnails.map(({ url }) => url)).toEqual([urls[0]]);
    expect(notification).toMatchObject({ beyond: 2, unreadable: 0 });
  });
});

/** JSON.stringify escapes each half of a surrogate pair that stands alone. */
function hasHalfCharacters(value: object): boolean {
  return /\\ud[89a-f]/i.test(JSON.stringify(value).replaceAll('\\\\', ''));
}
