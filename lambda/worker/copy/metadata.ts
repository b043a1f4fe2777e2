import { headerValue, LONGEST_HEADER_VALUE } from './header-value.ts';

/** The metadata that makes an object ours: the identity of the recovery. */
export const IDENTITY_KEYS = ['zencoder-job', 'zencoder-output', 'zencoder-role', 'zencoder-file'] as const;

/** S3 allows 2 KB of user metadata in all. */
const MAX_CHARACTERS = 1900;

/**
 * Makes metadata fit for headers: values are percent-encoded where they hold anything but visible ASCII, and cut where S3 would
 * refuse the length. What exceeds S3's limit in all is left out, last first; identity comes first and is always kept.
 */
export function objectMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const names = Object.keys(metadata).map((name) => name.toLowerCase());
  const identity: readonly string[] = IDENTITY_KEYS;
  const ordered = [
    ...identity.filter((name) => names.includes(name)),
    ...names.filter((name) => !identity.includes(name)),
  ];
  const values = new Map(
    Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), headerValue(encoded(value))]),
  );
  const result: Record<string, string> = {};
  let characters = 0;
  for (const name of ordered) {
    const value = values.get(name) ?? null;
    if (value === null || !/^[a-z0-9-]+$/.test(name)) continue;
    characters += name.length + value.length;
    if (characters > MAX_CHARACTERS) break;
    result[name] = value;
  }
  return result;
}

/** Whether an object with this metadata is the one that a copy with that metadata made. */
export function isOurs(
  found: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  const expected = objectMetadata(wanted);
  const identity = IDENTITY_KEYS.filter((key) => expected[key] !== undefined);
  return identity.length > 0 && identity.every((key) => found?.[key] === expected[key]);
}

/** Whether an object with this metadata is one that a copy of another file made. */
export function isOfAnotherFile(
  found: Readonly<Record<string, string>> | undefined,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return IDENTITY_KEYS.every((key) => (found?.[key] ?? '') !== '') && !isOurs(found, wanted);
}

/** Percent-encodes what a header cannot hold, and stops at the last whole character that fits. */
function encoded(value: string): string {
  let safe = '';
  for (const character of value.toWellFormed()) {
    const plain = /^[\x20-\x24\x26-\x7e]$/.test(character);
    const next = plain ? character : encodeURIComponent(character);
    if (safe.length + next.length > LONGEST_HEADER_VALUE) break;
    safe += next;
  }
  return safe;
}
