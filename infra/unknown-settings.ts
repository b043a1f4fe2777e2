/**
 * Context keys that look like a setting of this stack and are none: plain words, and misspelt settings in any
 * writing. Keys of the CDK itself hold a colon or a slash, or are not near to any setting.
 *
 * @returns a fault for each, with the setting that was probably meant.
 */
export function unknownSettings(found: readonly string[], known: readonly string[]): string[] {
  return found
    .filter((key) => !known.includes(key) && !/[:/]/.test(key))
    .flatMap((key) => {
      const meant = nearest(key, known);
      if (meant !== undefined) return [`${key}: unknown setting; did you mean ${meant}?`];
      return /^[A-Za-z]\w*$/.test(key) ? [`${key}: unknown setting; known are ${known.join(', ')}`] : [];
    });
}

function nearest(key: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: distance(plain(key), plain(name)) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  if (best !== undefined && best.distance <= best.name.length / 4) return best.name;
  return known.find((name) => plain(key).length >= 5 && plain(name).startsWith(plain(key)));
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
}

/** Levenshtein distance: how many letters must be put in, taken out or changed. */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [i, letter] of from.split('').entries()) {
    const next = [i + 1];
    for (const [j, other] of to.split('').entries()) {
      const changed = (row[j] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
