import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import {
  flag,
  httpUrl,
  InvalidEnvironment,
  parseEnvironment,
  text,
  wholeNumber,
} from '../../../../lambda/shared/runtime/environment.ts';
import { storageAllowList } from '../../../../lambda/shared/zencoder/storage.ts';

const schema = v.object({
  QUEUE_URL: httpUrl,
  TABLE_NAME: text,
  COLLECT_UNSENT_OUTPUTS: flag,
  SEGMENT_BYTES: wholeNumber(5, 100),
  ZENCODER_STORAGE: storageAllowList,
});

describe('parseEnvironment', () => {
  it('returns typed values', () => {
    const environment = parseEnvironment(schema, {
      QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/1/q',
      TABLE_NAME: 'ledger',
      COLLECT_UNSENT_OUTPUTS: 'false',
      SEGMENT_BYTES: '64',
      ZENCODER_STORAGE: 'zencoder-live',
      PATH: '/bin',
    });
    expect(environment).toMatchObject({
      COLLECT_UNSENT_OUTPUTS: false,
      SEGMENT_BYTES: 64,
      TABLE_NAME: 'ledger',
    });
    expect(environment.ZENCODER_STORAGE.admit('https://zencoder-live.s3.amazonaws.com/a').kind).toBe(
      'admitted',
    );
  });

  it('names all invalid variables in one error, without their values', () => {
    const invalid = {
      QUEUE_URL: 'secret-1',
      COLLECT_UNSENT_OUTPUTS: 'secret-2',
      SEGMENT_BYTES: '101',
      ZENCODER_STORAGE: 'https://user:secret-3@host',
    };
    expect(() => parseEnvironment(schema, invalid)).toThrow(InvalidEnvironment);
    expect(() => parseEnvironment(schema, invalid)).toThrow(
      'QUEUE_URL must be an http(s) URL; TABLE_NAME is missing; COLLECT_UNSENT_OUTPUTS must be ("true" | "false"); ' +
        'SEGMENT_BYTES must be a whole number from 5 to 100; ZENCODER_STORAGE is wrong: an origin must be',
    );
    expect(() => parseEnvironment(schema, invalid)).not.toThrow(/secret-/);
  });
});
