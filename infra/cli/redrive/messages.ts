import type { RecoveryRecord } from '../../../lambda/shared/ledger/records.ts';
import type { RedriveMessage } from '../../../lambda/shared/message.ts';

type Redriven = Pick<RecoveryRecord, 'jobId' | 'outputId' | 'role' | 'fileId' | 'state'>;

/**
 * The fewest messages that redrive these recoveries: each makes the worker ask Zencoder for URLs, of which there are 60
 * a minute. A message for an output or a role means all of it that is not recovered, so what is recovered, and a single
 * file, is named by itself.
 */
export function messagesFor(recoveries: readonly Redriven[]): RedriveMessage[] {
  const byOutput = Map.groupBy(recoveries, ({ jobId, outputId }) => `${jobId} ${outputId}`);
  return [...byOutput.values()].flatMap((ofOutput) => {
    const open = ofOutput.filter(({ state }) => state !== 'recovered');
    const recovered = ofOutput.filter(({ state }) => state === 'recovered');
    return [...together(open), ...recovered.map(single)];
  });
}

function together(recoveries: readonly Redriven[]): RedriveMessage[] {
  const [first, ...others] = recoveries;
  if (first === undefined) return [];
  if (others.length === 0) return [single(first)];
  const { jobId, outputId, role } = first;
  const isOneRole = others.every((other) => other.role === role);
  return [{ type: 'redrive', version: 1, jobId, outputId, ...(isOneRole && { role }) }];
}

function single({ jobId, outputId, role, fileId }: Redriven): RedriveMessage {
  return { type: 'redrive', version: 1, jobId, outputId, role, fileId };
}
