import type { OutputDecision } from './decide.ts';
import { encodedBytes } from './encode-message.ts';
import type { OutputMessage } from './message.ts';
import type { JobInfo } from './model.ts';

/** SQS takes messages of 1 MiB; what is kept free is for attributes that tracing may add. */
export const LONGEST_MESSAGE_BYTES = 1_048_576 - 16_384;

/**
 * The messages for one output: one, unless its files do not fit into it. The failures go into the first; recording
 * them and recovering files do not wait for each other.
 *
 * @param longestBytes of a message as UTF-8.
 */
export function messagesOf(
  job: JobInfo,
  decision: OutputDecision,
  origin: OutputMessage['origin'],
  longestBytes: number = LONGEST_MESSAGE_BYTES,
): OutputMessage[] {
  const { output, failures, files, failedAt } = decision;
  const envelope: OutputMessage = {
    type: 'output',
    version: 1,
    job,
    output,
    failures: [...failures],
    files: [],
    failedAt,
    origin,
  };
  const bare = encodedBytes({ ...envelope, failures: [] });
  const messages: OutputMessage[] = [envelope];
  let current = envelope;
  let bytes = encodedBytes(envelope);
  for (const file of files) {
    // What the file adds to the text, with a comma.
    const share = encodedBytes(file) + 1;
    if (current.files.length > 0 && bytes + share > longestBytes) {
      current = { ...envelope, failures: [], files: [] };
      messages.push(current);
      bytes = bare;
    }
    current.files.push(file);
    bytes += share;
  }
  return messages;
}
