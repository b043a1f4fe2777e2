import type { RecoveryMessage } from './message.ts';

/** A message as the text that goes on the queue. */
export function encodeMessage(message: RecoveryMessage): string {
  return encodeJson(message);
}

/**
 * JSON for SQS and SNS, in which every character that they do not take as it is (U+FFFE, U+FFFF), or that servers like
 * them do not (beyond the basic plane), is escaped. Labels and `pass_through` are the customer's own words and hold
 * whatever they like.
 */
export function encodeJson(value: object): string {
  return JSON.stringify(value).replace(/[\ud800-\udfff\ufffe\uffff]/g, escapeUnit);
}

function escapeUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
