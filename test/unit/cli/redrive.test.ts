import { SQSClient } from '@aws-sdk/client-sqs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandFailure, UsageError } from '../../../infra/cli/lib/command.ts';
import { queueMessages } from '../../../infra/cli/redrive.ts';
import { messagesFor, redriveOptions, wantedMessages } from '../../../infra/cli/redrive-selection.ts';
import { parseMessage, type RedriveMessage } from '../../../lambda/shared/queue/messages.ts';
import { DAY_MS } from '../../../lambda/shared/runtime/durations.ts';
import type { Role } from '../../../lambda/shared/zencoder/model.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');
const options = (...argv: string[]) => redriveOptions(argv, NOW);

describe('redriveOptions', () => {
  it('selects lost and failed recoveries by default', () => {
    expect(options('--job', '17').selection).toEqual({
      jobId: '17',
      states: ['lost', 'failed'],
      limit: 1000,
    });
    const named = options('--state', 'pending', '--state', 'lost', '--since', '24h', '--limit', '5');
    expect(named.selection).toEqual({
      states: ['pending', 'lost'],
      since: NOW - DAY_MS,
      limit: 5,
    });
  });

  it('accepts --dead-letters without other filters', () => {
    expect(options('--dead-letters').selection).toBeUndefined();
  });

  it.each([
    [[], 'say which recoveries'],
    [['--since', '24h'], 'add --job'],
    [['--output', '5'], '--output needs --job'],
    [['--job', 'abc'], '--job must be a number'],
    [['--state', 'open'], '--state must be one of lost, failed, pending, copying'],
    [['--error', ' '], '--error must not be empty'],
    [['--state', 'lost', '--since', 'yesterday'], '--since expects e.g.'],
    [['--state', 'lost', '--limit', '0'], '--limit must be a whole number'],
    [['--dead-letters', '--job', '1'], '--dead-letters cannot be combined with other filters'],
    [['--job', '1', '--timeout', 'soon'], '--timeout expects e.g.'],
  ])('rejects %j: %s', (argv, message) => {
    expect(() => options(...argv)).toThrow(UsageError);
    expect(() => options(...argv)).toThrow(message);
  });
});

describe('wantedMessages', () => {
  it('names the command line as the requester, also for an output without a record', () => {
    const selection = { jobId: '1', outputId: '2', states: ['lost'], limit: 1 } as const;
    expect(wantedMessages([], selection, NOW)).toEqual([
      { type: 'redrive', version: 1, jobId: '1', outputId: '2', requested: { by: 'command line', at: NOW } },
    ]);
  });
});

describe('messagesFor', () => {
  const file = (outputId: string, role: Role, fileId: string) => ({
    jobId: '1',
    outputId,
    role,
    fileId: fileId.padStart(16, '0'),
  });

  it('names the file when an output has only one to retry', () => {
    expect(messagesFor([file('2', 'media', 'a')])).toEqual([
      { type: 'redrive', version: 1, jobId: '1', outputId: '2', role: 'media', fileId: '000000000000000a' },
    ]);
  });

  it('makes one message for all thumbnails of an output, and one for an output with both roles', () => {
    const thumbnails = [file('2', 'thumbnail', 'a'), file('2', 'thumbnail', 'b')];
    expect(messagesFor(thumbnails)).toMatchObject([{ outputId: '2', role: 'thumbnail' }]);
    expect(messagesFor([...thumbnails, file('2', 'media', 'c')])).toEqual([
      { type: 'redrive', version: 1, jobId: '1', outputId: '2' },
    ]);
  });

  it('covers every recovery, in messages that parseMessage accepts', () => {
    const recovery = fc.record({
      jobId: fc.constantFrom('1', '2'),
      outputId: fc.constantFrom('3', '4', '5'),
      role: fc.constantFrom<Role>('media', 'thumbnail'),
      fileId: fc.constantFrom('a', 'b', 'c').map((digit) => digit.padStart(16, '0')),
    });
    fc.assert(
      fc.property(fc.array(recovery), (recoveries) => {
        const messages = messagesFor(recoveries);
        for (const message of messages) expect(parseMessage(JSON.stringify(message))).toEqual(message);
        for (const each of recoveries) {
          expect(messages.some((message) => reaches(message, each))).toBe(true);
        }
      }),
    );
  });
});

function reaches(
  message: RedriveMessage,
  recovery: { jobId: string; outputId: string; role: Role; fileId: string },
): boolean {
  if (message.jobId !== recovery.jobId || message.outputId !== recovery.outputId) return false;
  if (message.role !== undefined && message.role !== recovery.role) return false;
  return message.fileId === undefined || message.fileId === recovery.fileId;
}

describe('queueMessages', () => {
  it('says what to do about an error of AWS that running it again does not mend', async () => {
    const sqs = new SQSClient({ region: 'us-east-1' });
    const denied = Object.assign(new Error('not authorized to perform: sqs:SendMessage'), {
      name: 'AccessDenied',
    });
    sqs.middlewareStack.add(() => () => Promise.reject(denied), { step: 'initialize' });
    const sending = queueMessages({ sqs, queueUrl: 'https://queue.example' }, ['message'], async () => {});
    await expect(sending).rejects.toThrow(
      new CommandFailure('AWS denies access: not authorized to perform: sqs:SendMessage'),
    );
  });
});
