import type { RecoveryMessage } from './message.ts';

/**
 * A message as the text that goes on the queue: JSON in which every character that SQS does not take as it is (U+FFFE,
 * U+FFFF), or that servers like it do not (beyond the basic plane), is escaped. Labels and `pass_through` are the
 * customer's own words and hold whatever they like.
 */
export function encodeMessage(message: RecoveryMessage): string {
  return JSON.stringify(message).replace(/[\ud800-\udfff\ufffe\uffff]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
