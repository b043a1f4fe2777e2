import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseMessage } from '../../../lambda/shared/queue/messages.ts';
import { SAMPLES, sampleText } from '../../support/samples.ts';
import { lines, metricsOf, post, queue, useIngest } from './handler-fixture.ts';

useIngest();

/** Numbers of messages, primary failures and backup files of the samples that have any. */
const WORK: Record<string, [queued: number, failures: number, files: number]> = {
  '02': [1, 1, 1],
  '03': [1, 1, 1],
  '04': [1, 2, 5],
  '05': [1, 1, 4],
  '06': [1, 1, 2],
  '07': [1, 1, 1],
  '08': [1, 1, 1],
  '09': [1, 1, 1],
  '10': [1, 1, 1],
  '11': [1, 1, 1],
  '12': [1, 1, 1],
  '13': [1, 1, 0],
  '16': [1, 1, 0],
  '19': [1, 1, 0],
  '20': [1, 1, 1],
};

describe('POST /notifications with the sample payloads', () => {
  it.each(SAMPLES)('responds to %s and queues its failures and backup files', async (name) => {
    const [queued, failures, files] = WORK[name.slice(0, 2)] ?? [0, 0, 0];
    const { status, body } = await post(sampleText(name.slice(0, 2)));
    expect(status).toBe(queued > 0 ? 202 : 200);
    expect(body).toMatchObject({ queued, failures, files, unreadable: 0 });
    const messages = (await queue.drain()).map(parseMessage);
    expect(messages.map((message) => message.type)).toEqual(Array(queued).fill('output'));
    expect(messages.flatMap((message) => (message.type === 'output' ? message.files : []))).toHaveLength(
      files,
    );
  });

  it.each(SAMPLES)('logs one line for %s, without URLs, messages and secrets', async (name) => {
    const { status } = await post(sampleText(name.slice(0, 2)));
    expect(lines).toHaveLength(1);
    const line: unknown = JSON.parse(lines[0] ?? '');
    expect(line).toMatchObject({ level: 'INFO', message: 'notification accepted', status });
    expect(lines[0]).not.toMatch(/https?:|ftp:|s3:|AKIA|Signature|n0t-real|pass:word|asset:/);
  });
});

describe('POST /notifications with an unusual body', () => {
  it('accepts JSON without content type, in Base64', async () => {
    const body = Buffer.from(sampleText('02')).toString('base64');
    expect((await post(body, { headers: { 'content-type': undefined }, isBase64Encoded: true })).status).toBe(
      202,
    );
  });

  it('keeps ids beyond 2^53', async () => {
    const body = sampleText('02')
      .replace('4310552117', '18446744073709551615')
      .replace('1702340023', '9007199254740993');
    expect((await post(body)).body).toMatchObject({ job: '9007199254740993', queued: 1 });
    const [message] = (await queue.drain()).map(parseMessage);
    expect(message).toMatchObject({
      job: { id: '9007199254740993' },
      output: { id: '18446744073709551615' },
    });
  });

  it('queues the failure without a file where the host only resembles that of Zencoder', async () => {
    const body = sampleText('02').replace('s3.amazonaws.com/', 's3.amazonaws.com.evil.example/');
    expect((await post(body)).body).toMatchObject({ queued: 1, failures: 1, files: 0 });
    expect(await queue.drain()).toHaveLength(1);
  });

  it('keeps text in every script, with characters that SQS does not accept', async () => {
    const label = '片名 😀 \\uffff \\u0000';
    const body = sampleText('02').replace('"label": "web"', `"label": "${label}"`);
    expect((await post(body)).status).toBe(202);
    const [message] = (await queue.drain()).map(parseMessage);
    expect(message).toMatchObject({ output: { label: JSON.parse(`"${label}"`) } });
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/octet-stream'])(
    'accepts JSON with the content type %s',
    async (type) => {
      expect((await post(sampleText('02'), { headers: { 'content-type': type } })).status).toBe(202);
    },
  );

  it('accepts gzip', async () => {
    const body = gzipSync(sampleText('02')).toString('base64');
    expect(
      (await post(body, { headers: { 'content-encoding': 'gzip' }, isBase64Encoded: true })).status,
    ).toBe(202);
  });
});

describe('POST /notifications with parts that are not read', () => {
  it('reports unreadable parts in the response, the log and a metric', async () => {
    const output = { id: 1, backup_server_used: true, url: 7, thumbnails: 'none' };
    expect((await post(JSON.stringify({ output, job: { id: 2 } }))).body).toMatchObject({
      queued: 1,
      unreadable: 2,
      beyond: 0,
    });
    expect(lines.join()).toContain('parts of a notification not read');
    expect(metricsOf('PartsNotRead')).toEqual([[2, 'Unreadable']]);
  });

  it('reports outputs beyond the bounds of a notification, and queues the rest', async () => {
    const url = 'https://zencoder-live.s3.amazonaws.com/1.mp4?Expires=1';
    const outputs = Array.from({ length: 2000 }, (_, id) => ({ id, backup_server_used: true, url }));
    const { status, body } = await post(JSON.stringify({ outputs, job: { id: 1 } }));
    expect(status).toBe(202);
    expect(body).toMatchObject({ queued: 100, files: 100, beyond: 1900, unreadable: 0 });
    expect(new Set(await queue.drain()).size).toBe(100);
    expect(metricsOf('PartsNotRead')).toEqual([[1900, 'TooMany']]);
  });

  it('reads every part of a large notification: 20 outputs with five sets of 100 thumbnails', async () => {
    const images = Array.from({ length: 100 }, (_, index) => ({
      url: `https://zencoder-live.s3.amazonaws.com/o/${index}.png?Expires=1`,
    }));
    const thumbnails = Array.from({ length: 5 }, (_, set) => ({ label: `set ${set}`, images }));
    const outputs = Array.from({ length: 20 }, (_, id) => ({ id, backup_server_used: true, thumbnails }));
    const { body } = await post(JSON.stringify({ outputs, job: { id: 1 } }));
    expect(body).toMatchObject({ queued: 20, beyond: 0, unreadable: 0 });
  });
});

describe('POST /notifications without a queue', () => {
  it('responds 503 when the queue does not accept everything, so that Zencoder sends the notification again', async () => {
    const { DeleteQueueCommand, CreateQueueCommand } = await import('@aws-sdk/client-sqs');
    await queue.client.send(new DeleteQueueCommand({ QueueUrl: queue.queueUrl }));
    try {
      const { status, headers } = await post(sampleText('02'));
      expect(status).toBe(503);
      expect(headers['retry-after']).toBe('10');
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain('MessagesNotQueued');
      expect(lines[0]).not.toMatch(/Signature|AKIA|zencoder-temp-storage/);
      expect((await post(sampleText('01'))).status).toBe(200);
    } finally {
      await queue.client.send(new CreateQueueCommand({ QueueName: 'recovery' }));
    }
  });
});
