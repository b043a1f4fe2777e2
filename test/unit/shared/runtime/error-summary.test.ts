import { describe, expect, it } from 'vitest';
import { summarizeError } from '../../../../lambda/shared/runtime/error-summary.ts';
import { RecoveryError } from '../../../../lambda/shared/runtime/errors.ts';

describe('summarizeError', () => {
  it('removes signatures and passwords from the message', () => {
    class Chatty extends RecoveryError {
      override readonly name = 'Chatty';
      override readonly category = 'transient';
    }
    const summary = summarizeError(
      new Chatty('GET https://u:pw1secret@host/o/1.mp4?Signature=c2VjcmV0 failed'),
    );

    expect(summary).toMatchObject({ errorClass: 'Chatty', category: 'transient' });
    expect(summary.message).not.toMatch(/c2VjcmV0|pw1secret/);
  });

  it('summarizes a thrown value that is no error', () => {
    expect(summarizeError('just text')).toEqual({
      errorClass: 'UnknownError',
      category: 'transient',
      message: 'just text',
    });
  });

  it('says whether another URL may succeed and how the error is counted', () => {
    class Differs extends RecoveryError {
      override readonly name = 'Differs';
      override readonly category = 'lost';
      override readonly acceptsNewUrl = true;
      override readonly countedAs = 'mismatch';
    }

    expect(summarizeError(new Differs('other bytes'))).toEqual({
      errorClass: 'Differs',
      category: 'lost',
      message: 'other bytes',
      acceptsNewUrl: true,
      countedAs: 'mismatch',
    });
  });
});
