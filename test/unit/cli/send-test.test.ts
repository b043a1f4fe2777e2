import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../infra/cli/lib/command.ts';
import { sendTestOptions } from '../../../infra/cli/send-test.ts';
import { TEST_ERROR_CLASS, testNotification } from '../../../infra/cli/send-test-job.ts';
import { findFailedOutputs } from '../../../lambda/shared/zencoder/failed-outputs.ts';
import { parseNotification } from '../../../lambda/shared/zencoder/notification.ts';
import { parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const URL_OF_FILE =
  'https://zencoder-live.s3.amazonaws.com/o/clip.mp4?Expires=1773662400&Signature=secret&AWSAccessKeyId=AKIA';
const settings = { storage: parseStorageAllowList('zencoder-live'), collectUnsentOutputs: false };

function decided(url?: string) {
  const { jobId, outputId, body } = testNotification(url, NOW);
  const notification = parseNotification(JSON.parse(body));
  return {
    jobId,
    outputId,
    job: notification.job,
    decisions: findFailedOutputs(notification, settings, NOW),
  };
}

describe('testNotification', () => {
  it('describes one failed upload of a test job, without a backup file to copy', () => {
    const { jobId, outputId, job, decisions } = decided();
    expect(job).toMatchObject({ id: jobId, test: true });
    expect(decisions).toMatchObject([
      { output: { id: outputId }, failures: [{ errorClass: TEST_ERROR_CLASS, role: 'media' }], files: [] },
    ]);
  });

  it('describes an output on the backup server when a signed URL is given', () => {
    const { decisions } = decided(URL_OF_FILE);
    expect(decisions).toMatchObject([
      { failures: [{ errorClass: TEST_ERROR_CLASS }], files: [{ url: URL_OF_FILE, role: 'media' }] },
    ]);
  });

  it('generates unique ids that JSON represents exactly', () => {
    const ids = Array.from({ length: 1000 }, () => Number(testNotification(undefined, NOW).jobId));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => Number.isSafeInteger(id) && id >= 9e14)).toBe(true);
  });
});

describe('sendTestOptions', () => {
  it('defaults to a timeout of two minutes', () => {
    expect(sendTestOptions([])).toMatchObject({
      timeout: 120_000,
      byHeader: false,
      keep: false,
      json: false,
    });
    expect(sendTestOptions(['--timeout', '30s']).timeout).toBe(30_000);
  });

  it('never includes a signed URL in an error message', () => {
    const attempt = () => sendTestOptions(['--url', 'not-a-url?Signature=secret']);
    expect(attempt).toThrow(UsageError);
    expect(attempt).not.toThrow('secret');
  });
});
