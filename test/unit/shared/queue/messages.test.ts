import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  encodedBytes,
  encodeJson,
  encodeMessage,
  MAX_MESSAGE_BYTES,
  type OutputMessage,
  outputMessages,
  parseMessage,
  type SegmentMessage,
  segmentMessages,
} from '../../../../lambda/shared/queue/messages.ts';
import { inBatches } from '../../../../lambda/shared/queue/send.ts';

const job = { id: '1', passThrough: '😀', test: false };
const failure = {
  role: 'media' as const,
  errorClass: 'UploadTimeoutError',
  message: null,
  link: null,
  destinationHost: null,
};

function thumbnail(index: number) {
  return {
    role: 'thumbnail' as const,
    url: `https://zencoder-live.s3.amazonaws.com/o/${index}.png?Signature=${'a'.repeat(350)}`,
    deadline: 1,
    filename: `${index}.png`,
    thumbnailLabel: '😀',
    size: null,
    md5: null,
  };
}

function failedOutput(files: number) {
  return {
    output: { id: '2', label: 'ü', type: null },
    failures: [failure],
    files: Array.from({ length: files }, (_, index) => thumbnail(index)),
    failedAt: 5,
  };
}

function outputMessage(files: number): OutputMessage {
  return { type: 'output', version: 1, origin: 'notification', job, ...failedOutput(files) };
}

describe('parseMessage', () => {
  const half = 'Teaser \ud83c';
  const whole = 'Teaser \ufffd';
  const file = { ...thumbnail(0), filename: half, thumbnailLabel: half };
  const head = { job: { ...job, passThrough: half }, output: { id: '2', label: half, type: half } };
  const wellFormedHead = { job: { passThrough: whole }, output: { label: whole, type: whole } };

  it('makes the text of an output message well-formed, so that the ledger can record it', () => {
    const failures = [
      { role: 'media' as const, errorClass: half, message: half, link: half, destinationHost: half },
    ];
    expect(
      parseMessage(encodeMessage({ ...outputMessage(0), ...head, failures, files: [file] })),
    ).toMatchObject({
      ...wellFormedHead,
      failures: [{ errorClass: whole, message: whole, link: whole, destinationHost: whole }],
      files: [{ filename: whole, thumbnailLabel: whole }],
    });
  });

  it('makes the text of a segment message well-formed', () => {
    const message: SegmentMessage = {
      type: 'segment',
      version: 1,
      ...head,
      file,
      uploadId: 'upload',
      segment: 0,
    };
    expect(parseMessage(encodeMessage(message))).toMatchObject({
      ...wellFormedHead,
      file: { filename: whole, thumbnailLabel: whole },
    });
  });
});

describe('parseMessage of a redrive', () => {
  const redrive = { type: 'redrive', version: 1, jobId: '1', outputId: '2' };

  it('reads who requested it, well-formed, and needs no such field', () => {
    const requested = { by: 'operator \ud83d', at: 17 };
    expect(parseMessage(JSON.stringify({ ...redrive, requested }))).toEqual({
      ...redrive,
      requested: { by: 'operator \ufffd', at: 17 },
    });
    expect(parseMessage(JSON.stringify(redrive))).toEqual(redrive);
  });

  it.each([{ by: '', at: 17 }, { by: 'a'.repeat(81), at: 17 }, { by: 'operator' }, { at: 17 }, 'operator'])(
    'rejects the requester %j',
    (requested) => {
      expect(() => parseMessage(JSON.stringify({ ...redrive, requested }))).toThrow(
        /wrong fields: requested/,
      );
    },
  );
});

describe('encodeMessage', () => {
  it('writes only characters that SQS accepts, and keeps every whole character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', '\ufffe', '\uffff', '😀', '\ud800', '\u0000'),
        (a, b) => {
          const label = `${a}${b}`;
          const message = outputMessage(0);
          const text = encodeMessage({ ...message, output: { ...message.output, label } });
          expect(text).toMatch(/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd]*$/);
          expect(parseMessage(text)).toMatchObject({ output: { label: label.toWellFormed() } });
        },
      ),
    );
  });
});

describe('encodedBytes', () => {
  it('returns the size of the encoded text, with any escapes', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', 'é', '\ufffe', '\uffff', '😀', '\ud800', '\udfff', '\ue000', '\ufffd'),
        (a, b) => {
          const value = { text: `${a}${b}` };
          expect(encodedBytes(value)).toBe(Buffer.byteLength(encodeJson(value)));
        },
      ),
    );
  });
});

describe('outputMessages', () => {
  it('builds one message for an output with its failures and files', () => {
    expect(outputMessages(job, failedOutput(100), 'notification')).toEqual([outputMessage(100)]);
  });

  it('builds one message for failures without files', () => {
    expect(outputMessages(job, failedOutput(0), 'notification')).toMatchObject([
      { failures: [failure], files: [] },
    ]);
  });

  it('splits files that do not fit, in order, with the failures in the first message alone', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 1000, max: 10_000 }), (count, maxBytes) => {
        const given = failedOutput(count);
        const messages = outputMessages(job, given, 'notification', maxBytes);
        expect(messages.flatMap((message) => message.files)).toEqual(given.files);
        expect(messages.map((message) => message.failures.length)).toEqual(
          messages.map((_, at) => (at === 0 ? 1 : 0)),
        );
        for (const message of messages) {
          const fits = Buffer.byteLength(encodeMessage(message)) <= maxBytes;
          expect(fits || message.files.length === 1).toBe(true);
        }
      }),
    );
  });

  it('fills messages up to the limit of SQS', () => {
    const sizes = outputMessages(job, failedOutput(6000), 'notification').map((message) =>
      Buffer.byteLength(encodeMessage(message)),
    );
    expect(sizes.length).toBeGreaterThan(2);
    for (const size of sizes.slice(0, -1)) {
      expect(size).toBeLessThanOrEqual(MAX_MESSAGE_BYTES);
      expect(size).toBeGreaterThan(MAX_MESSAGE_BYTES - 2000);
    }
  });
});

describe('segmentMessages', () => {
  it('makes one message for each segment, with everything that they have in common', () => {
    const { output } = failedOutput(0);
    const envelope = { job, output, file: thumbnail(0), uploadId: 'upload', evidence: 'message' };

    expect(segmentMessages(envelope, [0, 7]).map((message) => parseMessage(encodeMessage(message)))).toEqual([
      { type: 'segment', version: 1, ...envelope, segment: 0 },
      { type: 'segment', version: 1, ...envelope, segment: 7 },
    ]);
  });
});

describe('inBatches', () => {
  it('keeps the order and both limits of SQS, with as few batches as possible', () => {
    const sizes = fc.array(fc.oneof(fc.nat(2000), fc.integer({ min: 100_000, max: 1_048_576 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(sizes, (lengths) => {
        const bodies = lengths.map((length, index) =>
          String(index).padEnd(length, 'x').slice(0, Math.max(length, 2)),
        );
        const batches = inBatches(bodies, (body) => Buffer.byteLength(body), 1_048_576);
        expect(batches.flat()).toEqual(bodies);
        const bytes = (batch: readonly string[]) => batch.reduce((sum, body) => sum + body.length, 0);
        for (const [index, batch] of batches.entries()) {
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length).toBeLessThanOrEqual(10);
          expect(bytes(batch)).toBeLessThanOrEqual(1_048_576);
          const next = batches[index + 1]?.[0];
          if (next !== undefined)
            expect(batch.length === 10 || bytes(batch) + next.length > 1_048_576).toBe(true);
        }
      }),
    );
  });
});
