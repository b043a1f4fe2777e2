import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { marshall } from '@aws-sdk/util-dynamodb';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { failureToItem, recoveryToItem } from '../../../../lambda/shared/ledger/attributes.ts';
import {
  type FailedAttempt,
  HISTORY_LENGTH,
  MAX_EVIDENCE,
  type PrimaryFailureRecord,
  type RecoveryRecord,
  withAttempt,
} from '../../../../lambda/shared/ledger/records.ts';
import { aPlan, NOW } from '../../../support/ledger-data.ts';
import { startLedger, type TestLedger } from '../../../support/ledger-table.ts';

/** S3 takes no more parts in one upload, and a segment has at least one. */
const MOST_SEGMENTS = 10_000;

let ledger: TestLedger;
beforeAll(async () => {
  ledger = await startLedger();
});
afterAll(() => ledger.close());

/** So many characters, of those that take most bytes in UTF-8. */
const longest = (characters: number) => '\uffff'.repeat(characters);

const id = '9'.repeat(20);
const output = {
  jobId: id,
  outputId: id,
  role: 'thumbnail',
  label: longest(1000),
  outputType: longest(40),
  passThrough: longest(1000),
  test: false,
  failedAt: NOW,
} as const;

const attempt: FailedAttempt = {
  at: NOW,
  errorClass: longest(100),
  category: 'transient',
  message: longest(100_000),
};

/** Ends when no further attempt makes the history longer. */
const history = Array.from({ length: 2 * HISTORY_LENGTH }).reduce<FailedAttempt[]>(
  (attempts) => withAttempt(attempts, attempt),
  [],
);

const evidence = Array.from({ length: MAX_EVIDENCE }, () => longest(100));

const recovery: RecoveryRecord = {
  ...output,
  fileId: 'f'.repeat(16),
  filename: longest(180),
  thumbnailLabel: longest(255),
  source: longest(8192),
  state: 'copying',
  deadline: NOW,
  expectedSize: Number.MAX_SAFE_INTEGER,
  expectedMd5: 'a'.repeat(32),
  createdAt: NOW,
  updatedAt: NOW,
  attempts: Number.MAX_SAFE_INTEGER,
  attemptedBy: evidence,
  spentEvidence: evidence,
  history,
  ...(history[0] !== undefined && { lastError: history[0] }),
  key: longest(341),
  contentType: longest(8192),
  warnings: [longest(1000), longest(1000)],
  upload: {
    ...aPlan({ contentType: longest(8192), sourceEtag: longest(8192), segments: MOST_SEGMENTS }),
    segmentsDone: Array.from({ length: MOST_SEGMENTS }, (_, segment) => segment),
  },
};

const failure: PrimaryFailureRecord = {
  ...output,
  errorClass: longest(250),
  message: longest(2000),
  // Percent-encoded: nine bytes for a character.
  link: 'a'.repeat(9 * 8192),
  destinationHost: longest(255),
  recordedAt: NOW,
};

it.each([
  ['recovery, with all segments of the largest file and a full history', recoveryToItem(recovery)],
  ['primary failure', failureToItem(failure)],
])('the longest %s fits an item of DynamoDB', async (_, item) => {
  const { client, tableName: TableName } = ledger;
  const Item = marshall(item, { removeUndefinedValues: true });
  await expect(client.send(new PutItemCommand({ TableName, Item }))).resolves.toBeDefined();
});
