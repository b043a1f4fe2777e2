import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { RedriveMessage } from '../../../lambda/shared/message.ts';

type Redriven = Pick<RecoveryRecord, 'jobId' | 'outputId' | 'role' | 'fileId'>;

/**
 * The fewest messages that redrive these recoveries: each makes the worker ask Zencoder for URLs, of which there are 60
 * a minute. One file is named by itself; several of an output by their role, or by the output, which means all of it that
 * is not recovered.
 */
export function messagesFor(recoveries: readonly Redriven[]): RedriveMessage[] {
  const byOutput = Map.groupBy(recoveries, ({ jobId, outputId }) => `${jobId} ${outputId}`);
  return [...byOutput.values()].flatMap(([first, ...others]) => {
    if (first === undefined) return [];
    const { jobId, outputId, role, fileId } = first;
    if (others.length === 0) return [{ ...messageFor(jobId, outputId), role, fileId }];
    const isOneRole = others.every((other) => other.role === role);
    return [{ ...messageFor(jobId, outputId), ...(isOneRole && { role }) }];
  });
}

/** The message for an output as a whole, known to the ledger or not. */
export function messageFor(jobId: string, outputId: string): RedriveMessage {
  return { type: 'redrive', version: 1, jobId, outputId };
}
