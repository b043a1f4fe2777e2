import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Config, InvalidConfig, parseConfig } from '../../../infra/config.ts';

/** More buckets than fit Lambda's 4 KB of variables. */
const TOO_MANY = Array.from({ length: 25 }, (_, index) => `zencoder-${index}`.padEnd(63, 'x'));

const DEFAULTS: Config = {
  stackName: 'ZencoderRecovery',
  terminationProtection: true,
  keyTemplate: 'zencoder-recovery/{job_id}/{output_id}/{role}/{thumbnail_label}/{filename}',
  zencoderStorage: 'zencoder-temp-storage-us-east-1,zencoder-live',
  collectUnsentOutputs: false,
  failedUploadsPerHour: 10,
  reconcileMinutes: 5,
  zencoderApiUrl: 'https://app.zencoder.com/api/v2',
  previousBuckets: [],
  dashboard: true,
  atRiskHours: 6,
  maxConcurrency: 5,
  workerTimeoutSeconds: 900,
  workerMemoryMb: 768,
  segmentBytes: 8 * 2 ** 30,
  recordTtlDays: 0,
  logLevel: 'INFO',
  logRetentionDays: 90,
};

/** Values that each setting takes, written as in cdk.json. */
const good = fc.record(
  {
    stackName: fc.stringMatching(/^[A-Za-z][A-Za-z0-9-]{0,127}$/),
    bucketName: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{1,40})[a-z0-9]$/),
    terminationProtection: fc.boolean(),
    existingTableName: fc.stringMatching(/^[A-Za-z0-9_.-]{3,60}$/),
    keyTemplate: fc.constantFrom('{job_id}/{filename}', 'a/{pass_through.tenant}/{output_id}/{basename}'),
    zencoderStorage: fc.constantFrom('zencoder-live', 'zencoder-live,http://127.0.0.1:4567/zencoder-live'),
    collectUnsentOutputs: fc.boolean(),
    alarmEmail: fc.constantFrom('ops@example.com', 'on.call+video@mail.acme.example'),
    failedUploadsPerHour: fc.integer({ min: 1, max: 1_000_000 }),
    maxConcurrency: fc.integer({ min: 2, max: 1000 }),
    ingestReservedConcurrency: fc.integer({ min: 2, max: 1000 }),
    workerTimeoutSeconds: fc.integer({ min: 2, max: 900 }),
    workerMemoryMb: fc.integer({ min: 512, max: 10_240 }),
    segmentBytes: fc.integer({ min: 5 * 2 ** 20, max: 64 * 2 ** 30 }),
    recordTtlDays: fc.integer({ min: 0, max: 3650 }),
    logLevel: fc.constantFrom('DEBUG', 'INFO', 'WARN', 'ERROR'),
    logRetentionDays: fc.constantFrom(1, 30, 365, 3653),
  },
  { requiredKeys: [] },
);

/** Values that the setting must refuse. */
const bad = {
  stackName: fc.constantFrom('', '1st', 'under_score', 'a'.repeat(129), 7, true),
  bucketName: fc.constantFrom(
    '',
    's3://mine',
    'Mine',
    'a',
    '10.0.0.1',
    'a..b',
    '-a-',
    'arn:aws:s3:::mine',
    5,
  ),
  bucketOwner: fc.constantFrom('', '12345678901', '1234567890123', 'mine', 123456789012),
  bucketKmsKeyArn: fc.constantFrom(
    '',
    'alias/mine',
    'arn:aws:kms:us-east-1:123456789012:alias/mine',
    'arn:aws:s3:::key/1',
  ),
  terminationProtection: fc.constantFrom('on', '', 1, null),
  existingTableName: fc.constantFrom(
    '',
    'ab',
    'a/b',
    'arn:aws:dynamodb:us-east-1:123456789012:table/mine',
    5,
  ),
  previousBuckets: fc.constantFrom(
    ['Mine'],
    'a,,b',
    5,
    [5],
    [{ bucketName: 'mine', owner: '1' }],
    [{ bucketOwner: '012345678901' }],
    Array.from({ length: 11 }, (_, index) => `bucket-${index}`),
  ),
  keyTemplate: fc.constantFrom(
    '',
    '{job_id}',
    '{nonsense}/{filename}',
    '{filename',
    4,
    `${'a'.repeat(1014)}/{filename}`,
  ),
  zencoderStorage: fc.constantFrom('', ',', 'Zencoder*', 'https://', ['not a bucket'], [1], 5, TOO_MANY),
  collectUnsentOutputs: fc.constantFrom('yes', '', 1, null, 'True '),
  alarmEmail: fc.constantFrom('', 'ops', 'ops@', 'a@b', 'a@b.example, c@d.example', 'Ops <ops@b.example>', 5),
  maxConcurrency: fc.constantFrom(1, 1001, '1', 'ten', '', 2.5, '2.5', true, null, Number.NaN),
  failedUploadsPerHour: fc.constantFrom(0, '0', 'many', 1_000_001),
  ingestReservedConcurrency: fc.constantFrom(1, 1001, 'none', '', null),
  workerTimeoutSeconds: fc.constantFrom(0, 901, '15m', '-5', '1e2'),
  workerMemoryMb: fc.constantFrom(128, '128', 10_241),
  segmentBytes: fc.constantFrom(0, '8 GiB', 2 ** 60),
  recordTtlDays: fc.constantFrom(-1, '-1', 'never'),
  logLevel: fc.constantFrom('', 'LOUD', 3, null),
  logRetentionDays: fc.constantFrom(0, 2, '45', 'forever'),
};

describe('parseConfig', () => {
  it('accepts what still fits the environment of a function', () => {
    const zencoderStorage = TOO_MANY.slice(1).join(',');
    expect(zencoderStorage.length).toBeGreaterThan(1500);
    expect(parseConfig({ zencoderStorage })).toMatchObject({ zencoderStorage });
    expect(() => parseConfig({ zencoderStorage: TOO_MANY })).toThrow(
      'zencoderStorage: must be at most 1536 bytes: a function has 4 KB of variables',
    );
  });

  it('applies a default to each setting that has one', () => {
    expect(parseConfig({})).toEqual(DEFAULTS);
  });

  it('accepts the same values as text from the command line and as JSON from cdk.json', () => {
    fc.assert(
      fc.property(good, (typed) => {
        const asText = Object.fromEntries(
          Object.entries(typed).map(([name, value]) => [name, String(value)]),
        );
        expect(parseConfig(asText)).toEqual(parseConfig(typed));
      }),
    );
  });

  it('returns valid settings unchanged', () => {
    fc.assert(
      fc.property(good, (typed) => {
        expect(parseConfig(typed)).toEqual({ ...DEFAULTS, ...typed });
      }),
    );
  });

  it('accepts zencoderStorage as an array or separated by commas', () => {
    const list = ['zencoder-live', 'zencoder-temp-storage-us-east-1'];
    expect(parseConfig({ zencoderStorage: list })).toEqual(parseConfig({ zencoderStorage: list.join(',') }));
  });

  it('accepts previousBuckets as names, also separated by commas, and as objects', () => {
    const expected = [{ bucketName: 'first' }, { bucketName: 'second' }];
    expect(parseConfig({ previousBuckets: 'first, second' })).toMatchObject({ previousBuckets: expected });
    expect(parseConfig({ previousBuckets: ['first', 'second'] })).toMatchObject({
      previousBuckets: expected,
    });
    const whole = {
      bucketName: 'third',
      bucketOwner: '012345678901',
      bucketKmsKeyArn: 'arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d',
    };
    expect(parseConfig({ previousBuckets: ['first', whole] })).toMatchObject({
      previousBuckets: [{ bucketName: 'first' }, whole],
    });
  });

  it('accepts the ARN of the KMS key of an existing bucket', () => {
    const bucketKmsKeyArn = 'arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555';
    expect(parseConfig({ bucketName: 'mine', bucketKmsKeyArn })).toMatchObject({ bucketKmsKeyArn });
  });
});

describe('parseConfig with invalid settings', () => {
  it('rejects each invalid value, whatever the other settings are', () => {
    for (const [name, values] of Object.entries(bad)) {
      fc.assert(
        fc.property(good, values, (others, value) => {
          expect(errorsOf({ ...others, [name]: value })).toEqual([expect.stringContaining(`${name}: `)]);
        }),
      );
    }
  });

  it('names all invalid settings in one message', () => {
    fc.assert(
      fc.property(fc.record(bad, { requiredKeys: [] }), (context) => {
        fc.pre(Object.keys(context).length > 0);
        const named = errorsOf(context).map((line) => line.split(':')[0]);
        expect(named).toHaveLength(Object.keys(context).length);
        expect(new Set(named)).toEqual(new Set(Object.keys(context)));
      }),
    );
  });

  it('reports the expected and the actual value', () => {
    expect(errorsOf({ maxConcurrency: '1', logLevel: 'LOUD' })).toEqual([
      'maxConcurrency: expected a whole number from 2 to 1000, found "1"',
      'logLevel: expected one of DEBUG, INFO, WARN, ERROR, found "LOUD"',
    ]);
  });

  it.each([
    ['without the six characters', 'arn:aws:secretsmanager:us-east-1:123456789012:secret:zencoder'],
    ['with a version after them', 'arn:aws:secretsmanager:us-east-1:123456789012:secret:zencoder-AbCdEf:x'],
    ['of another service', 'arn:aws:ssm:us-east-1:123456789012:secret:zencoder-AbCdEf'],
    ['in the partition of another region', 'arn:aws:secretsmanager:cn-north-1:123456789012:secret:z-AbCdEf'],
  ])('rejects the ARN of a secret %s', (_, zencoderApiKeySecretArn) => {
    expect(errorsOf({ zencoderApiKeySecretArn })).toEqual([
      expect.stringMatching(/^zencoderApiKeySecretArn: expected the whole ARN of a secret, .*:NAME-AbCdEf/),
    ]);
  });

  it.each([
    'aws:secretsmanager:eu-central-1',
    'aws-cn:secretsmanager:cn-north-1',
    'aws-us-gov:secretsmanager:us-gov-west-1',
  ])('accepts the whole ARN of a secret in arn:%s', (prefix) => {
    const zencoderApiKeySecretArn = `arn:${prefix}:123456789012:secret:team/zencoder-AbCdEf`;
    expect(parseConfig({ zencoderApiKeySecretArn })).toMatchObject({ zencoderApiKeySecretArn });
  });

  it('rejects ARNs in another region than that of the stack', () => {
    const zencoderApiKeySecretArn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:zencoder-AbCdEf';
    const bucketKmsKeyArn = 'arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d';
    const settings = { bucketName: 'mine', bucketKmsKeyArn, zencoderApiKeySecretArn };
    expect(errorsOf(settings, 'us-east-1')).toEqual([
      'zencoderApiKeySecretArn: is in eu-west-1, and the stack is deployed to us-east-1',
    ]);
    expect(errorsOf(settings, 'ap-south-1')).toHaveLength(2);
    expect(errorsOf(settings)).toEqual([
      "zencoderApiKeySecretArn: is in eu-west-1, and bucketKmsKeyArn in us-east-1: both belong to the stack's region",
    ]);
    expect(parseConfig({ zencoderApiKeySecretArn }, 'eu-west-1')).toMatchObject({ zencoderApiKeySecretArn });
  });

  it('rejects an owner without a bucket', () => {
    expect(errorsOf({ bucketOwner: '012345678901' })).toEqual([
      expect.stringContaining('bucketOwner: belongs to a bucket of your own: set bucketName as well'),
    ]);
    expect(parseConfig({ bucketName: 'mine', bucketOwner: '012345678901' })).toMatchObject({
      bucketOwner: '012345678901',
    });
  });

  it('rejects a KMS key without its bucket', () => {
    const bucketKmsKeyArn = 'arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d';
    expect(errorsOf({ bucketKmsKeyArn })).toEqual([
      expect.stringContaining('bucketKmsKeyArn: belongs to a bucket of your own: set bucketName as well'),
    ]);
  });
});

describe('parseConfig with unknown settings', () => {
  it.each([
    ['bucketname', 'bucketName'],
    ['bucket-name', 'bucketName'],
    ['bukcetName', 'bucketName'],
    ['maxConcurency', 'maxConcurrency'],
    ['log_level', 'logLevel'],
    ['workerTimeout', 'workerTimeoutSeconds'],
  ])('rejects %s and suggests %s', (misspelt, meant) => {
    expect(errorsOf({ [misspelt]: 'x' })).toEqual([`${misspelt}: unknown setting; did you mean ${meant}?`]);
  });

  it('rejects an unfamiliar name with the list of settings', () => {
    expect(errorsOf({ colour: 'blue' })).toEqual([
      expect.stringMatching(/^colour: unknown setting; known are stackName, bucketName, /),
    ]);
  });

  it('names unknown settings together with errors of known ones', () => {
    expect(errorsOf({ bucketname: 'x', maxConcurrency: 0, colour: 'blue' })).toHaveLength(3);
  });

  it('ignores context of the CDK itself', () => {
    const context = {
      '@aws-cdk/core:checkSecretUsage': true,
      'aws:cdk:bundling-stacks': [],
      'aws:cdk:enable-path-metadata': true,
      'cli-telemetry': false,
      'acknowledged-issue-numbers': [1],
      'availability-zones:account=123456789012:region=us-east-1': ['us-east-1a'],
    };
    expect(parseConfig(context)).toEqual(DEFAULTS);
  });
});

function errorsOf(context: Record<string, unknown>, region?: string): string[] {
  try {
    parseConfig(context, region);
  } catch (error) {
    if (!(error instanceof InvalidConfig)) throw error;
    return error.message
      .split('\n')
      .slice(1)
      .map((line) => line.replace(/^ {2}- /, ''));
  }
  return [];
}
