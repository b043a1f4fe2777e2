import { createHash, randomBytes } from 'node:crypto';

/**
 * How often one function may be invoked in one chain of requests: the next invocation is stopped
 * (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).
 *
 * A chain is what one event causes. Lambda counts in the trace header's `Lineage`: the SDK in a function sends the header
 * of its invocation (`_X_AMZN_TRACE_ID`) with every request, SQS keeps it as the message's `AWSTraceHeader`
 * (https://docs.aws.amazon.com/xray/latest/devguide/xray-services-sqs.html), and the invocation that the message causes
 * goes on from there. How Lambda writes a lineage is its own affair; here it is `hash:count` for each function.
 */
export const MAX_CHAINED_INVOCATIONS = 16;

/** One invocation's place in its chain. */
export interface Lineage {
  /** The trace header for the invocation. */
  readonly trace: string;
  /** Which of the function's invocations in this chain it is, from 1. */
  readonly invocation: number;
}

/** @param incoming trace header of the event; undefined for one that no function caused */
export function nextLineage(incoming: string | undefined, functionArn: string): Lineage {
  const fields = new Map((incoming ?? '').split(';').flatMap(fieldOf));
  const counts = new Map((fields.get('Lineage') ?? '').split('|').flatMap(countOf));
  const function_ = createHash('sha256').update(functionArn).digest('hex').slice(0, 8);
  const invocation = (counts.get(function_) ?? 0) + 1;
  counts.set(function_, invocation);
  const lineage = [...counts].map(([hash, count]) => `${hash}:${count}`).join('|');
  const root = fields.get('Root') ?? newRoot();
  const trace = `Root=${root};Parent=${randomBytes(8).toString('hex')};Sampled=0;Lineage=${lineage}`;
  return { trace, invocation };
}

function fieldOf(text: string): [string, string][] {
  const [name = '', value] = text.trim().split(/=(.*)/s);
  return value === undefined ? [] : [[name, value]];
}

function countOf(text: string): [string, number][] {
  const [, hash, count] = /^([0-9a-f]{8}):(\d{1,5})$/.exec(text) ?? [];
  return hash === undefined ? [] : [[hash, Number(count)]];
}

function newRoot(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  return `1-${seconds}-${randomBytes(12).toString('hex')}`;
}
