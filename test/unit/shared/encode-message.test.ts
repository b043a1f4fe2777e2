import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodedBytes, encodeJson, encodeMessage } from '../../../lambda/shared/encode-message.ts';
import { type OutputMessage, parseMessage } from '../../../lambda/shared/message.ts';

const message: OutputMessage = {
  type: 'output',
  version: 1,
  job: { id: '1', passThrough: null, test: false },
  output: { id: '2', label: null, type: null },
  failures: [],
  files: [],
  failedAt: 0,
  origin: 'notification',
};

describe('encodeMessage', () => {
  it('uses only characters that SQS takes, and loses no whole one', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('', '\ufffe', '\uffff', '😀', '\ud800', '\u0000'),
        (a, b) => {
          const label = `${a}${b}`;
          const text = encodeMessage({ ...message, output: { ...message.output, label } });
          expect(text).toMatch(/^[\t\n\r\u0020-\ud7ff\ue000-\ufffd]*$/);
          expect(parseMessage(text)).toMatchObject({ output: { label: label.toWellFormed() } });
        },
      ),
    );
  });
});

describe('encodedBytes', () => {
  it('is the size of the encoded text, whatever is escaped in it', () => {
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
