import { describe, expect, it } from 'vitest';
import { presignV2, presignV4 } from '../../../../../infra/local/aws/s3/presign.ts';

/** The keys of AWS's own examples. */
const keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

describe('presignV4 and presignV2', () => {
  it('compute the version 4 signature of the example in the S3 API reference', () => {
    const url = presignV4({
      ...keys,
      method: 'GET',
      url: 'https://examplebucket.s3.amazonaws.com/test.txt',
      region: 'us-east-1',
      expiresIn: 86_400,
      now: Date.UTC(2013, 4, 24),
    });
    expect(new URL(url).searchParams.get('X-Amz-Signature')).toBe(
      'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    );
  });

  it('compute the version 2 signature of the example in the S3 user guide', () => {
    const url = presignV2({
      ...keys,
      method: 'GET',
      url: 'https://johnsmith.s3.amazonaws.com/photos/puppy.jpg',
      expiresIn: 20,
      now: 1_175_139_600_000,
    });
    expect(Object.fromEntries(new URL(url).searchParams)).toEqual({
      AWSAccessKeyId: keys.accessKeyId,
      Expires: '1175139620',
      Signature: 'NpgCjnDzrM+WFzoENXmpNDUsSn8=',
    });
  });
});
