import { RecoveryError } from '../shared/errors.ts';
import type { RedriveMessage } from '../shared/message.ts';
import type { MessageOutcome } from './context.ts';

/** A redrive needs a fresh signed URL, and there is nobody to ask for one. */
export class NoFreshUrl extends RecoveryError {
  override readonly name = 'NoFreshUrl';
  override readonly meaning = 'not-understood';
}

/**
 * Tries an output's recoveries again because a person asks for it.
 *
 * @throws {NoFreshUrl} so that the wish waits on the dead-letter queue, where alarms see it.
 */
export function redrive({ outputId }: RedriveMessage): MessageOutcome {
  throw new NoFreshUrl(
    `no signed URL of output ${outputId} is stored, and no Zencoder API key is configured`,
  );
}
