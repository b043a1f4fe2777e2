/** Clocks differ and deadlines are sometimes guessed: a file counts as still to be had for so long after its deadline. */
const GRACE_MS = 15 * 60 * 1000;

/** Whether a file's signed URL has ended for certain, so that Zencoder is not asked for the file any more. Epoch milliseconds. */
export function isOver(deadline: number, now: number): boolean {
  return now > deadline + GRACE_MS;
}

/** Whether an open recovery may be lost unless it succeeds soon. After its deadline there is nothing to risk any more. */
export function isAtRisk(
  deadline: number,
  { now, atRiskMs }: { readonly now: number; readonly atRiskMs: number },
): boolean {
  return deadline > now && deadline < now + atRiskMs;
}
