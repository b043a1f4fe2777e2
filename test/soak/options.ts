import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import { MINUTE_MS } from '../../lambda/shared/runtime/durations.ts';

export const HELP = `Usage: npm run soak -- [options]

Posts a burst of notifications of failed uploads, many of them more than once, to the whole stack on this machine, kills
workers in the middle of their work, lets every server fail now and then, and checks at the end that each file is in the
bucket exactly once and that subscribers got each event and no false one. Talks to 127.0.0.1 only. The stack's clock is
moved past the waits between attempts and runs of the schedule.

  --notifications N   how many are posted, duplicates included          (10000)
  --duplicates SHARE  of them repeat an earlier one, newly signed       (0.3)
  --kills SHARE       of downloads kill a worker that is at work        (0.05)
  --errors SHARE      of requests to S3, SQS, SNS and DynamoDB fail     (0.05)
                      (an error, a broken connection, or a lost response to what was done)
  --unproven SHARE    of objects put, and of large ones the first       (0.05)
                      completion, get a success without its proof
  --missing SHARE     of files are not found at first                   (0.05)
  --refused SHARE     of repeated jobs: the URLs of the first           (0.2)
                      notification are refused, only a later one's work
  --topic MINUTES     the topic refuses all events, from the middle of  (10)
                      the burst on, by the stack's clock
  --seed N            the same choices again                            (random)
  --timeout MINUTES   of real time, then it has failed                  (20)
  --json              the report as one JSON object

Exit codes: 0 every file recovered, none twice, every event delivered, none false; 1 not so; 2 not understood.

Examples:
  npm run soak -- --notifications 500
  npm run soak -- --kills 0.2 --errors 0.1 --seed 7
  npm run soak -- --kills 0 --errors 0 --missing 0 --refused 0 --topic 0 --unproven 0.5
`;

/** What is asked for; shares from 0 to 1. */
export interface SoakOptions {
  readonly notifications: number;
  readonly duplicates: number;
  readonly kills: number;
  readonly errors: number;
  readonly unproven: number;
  readonly missing: number;
  readonly refused: number;
  /** Milliseconds of the stack's time for which the topic refuses. */
  readonly topic: number;
  readonly seed: number;
  /** Milliseconds of real time. */
  readonly timeout: number;
  readonly json: boolean;
  readonly help: boolean;
}

/** An option that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws {UsageError} */
export function soakOptions(args: readonly string[]): SoakOptions {
  const values = parsed(args);
  return {
    notifications: within('--notifications', values.notifications, 1, 1_000_000, true),
    duplicates: within('--duplicates', values.duplicates, 0, 0.9),
    kills: within('--kills', values.kills, 0, 0.5),
    errors: within('--errors', values.errors, 0, 0.5),
    unproven: within('--unproven', values.unproven, 0, 0.5),
    missing: within('--missing', values.missing, 0, 1),
    refused: within('--refused', values.refused, 0, 1),
    topic: within('--topic', values.topic, 0, 600) * MINUTE_MS,
    seed: values.seed === undefined ? randomInt(2 ** 31) : within('--seed', values.seed, 0, 2 ** 31, true),
    timeout: within('--timeout', values.timeout, 0.1, 600) * MINUTE_MS,
    json: values.json,
    help: values.help,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        notifications: { type: 'string', default: '10000' },
        duplicates: { type: 'string', default: '0.3' },
        kills: { type: 'string', default: '0.05' },
        errors: { type: 'string', default: '0.05' },
        unproven: { type: 'string', default: '0.05' },
        missing: { type: 'string', default: '0.05' },
        refused: { type: 'string', default: '0.2' },
        topic: { type: 'string', default: '10' },
        seed: { type: 'string' },
        timeout: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function within(option: string, text: string, least: number, most: number, whole = false): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(`${option} must be ${whole ? 'a whole number' : 'a number'} from ${least} to ${most}`);
}
