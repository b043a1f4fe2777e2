import { asText, isObject, type Json, type JsonObject } from '../json.ts';
import type { LogLine } from '../lambda/logs.ts';

/** What every line of a function repeats. */
const REPEATED = new Set([
  'level',
  'message',
  'timestamp',
  'service',
  'cold_start',
  'function_arn',
  'function_memory_size',
  'function_name',
  'function_request_id',
  'sampling_rate',
  'xray_trace_id',
]);

/**
 * A log line for people: time, function, level, message, and the fields that are not in every line.
 *
 * @returns undefined for lines that only the runtime cares about (reports of invocations, metrics)
 */
export function prettyLine(line: LogLine): string | undefined {
  if (line.source === 'runtime') return line.text.startsWith('REPORT') ? undefined : `runtime  ${line.text}`;
  const entry = parsed(line.text);
  if (entry === undefined) return line.text;
  if (entry._aws !== undefined) return undefined;
  const time = asText(entry.timestamp ?? '').slice(11, 19);
  const fields = Object.entries(entry).filter(([key]) => !REPEATED.has(key));
  const details = fields.map(([key, value]) => `${key}=${shown(value)}`).join(' ');
  const head = [time, asText(entry.service ?? '').padEnd(6), asText(entry.level ?? '').padEnd(5)].join(' ');
  return `${head} ${asText(entry.message ?? '')}${details === '' ? '' : `  ${details}`}`;
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function shown(value: Json): string {
  const text = asText(value);
  return typeof value === 'string' && /\s/.test(value) ? JSON.stringify(text) : text;
}
