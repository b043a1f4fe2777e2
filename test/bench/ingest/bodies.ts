import { gzipSync } from 'node:zlib';
import { LARGEST_BODY_BYTES } from '../../../lambda/ingest/body.ts';

/** A request's body, and whether it is compressed. */
export interface Body {
  readonly name: string;
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
}

const STORAGE = 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o/20260314/98ac/d200';
const SIGNATURE = `X-Amz-Date=20260314T100232Z&X-Amz-Expires=86399&X-Amz-Signature=${'0123456789abcdef'.repeat(4)}`;

/** The text once and as often as it fits into the largest body between its beginning and its end. */
function filled(before: string, each: string, after: string): string {
  const room = LARGEST_BODY_BYTES - Buffer.byteLength(before) - Buffer.byteLength(after);
  return `${before}${each.repeat(Math.floor(room / Buffer.byteLength(each)))}${after}`;
}

function outputWith(fields: string): string {
  return `{"job":{"id":1},"output":{"id":2,"state":"finished","backup_server_used":true,${fields}}}`;
}

function outputFilled(before: string, each: string, after: string): string {
  const [head = '', tail = ''] = outputWith(`${before}|${after}`).split('|');
  return filled(head, each, tail);
}

/** Outputs with a long field each, as many as are taken. */
function outputsWith(field: (index: number) => string): string {
  const outputs = Array.from(
    { length: 100 },
    (_, index) => `{"id":${index},"state":"finished","backup_server_used":true,${field(index)}}`,
  );
  return `{"job":{"id":1},"outputs":[${outputs.join()}]}`;
}

/** Bodies of up to the largest size that ask for as much work as can be: real ones, odd ones and hostile ones. */
export function bodies(): Body[] {
  const image = `{"url":"${STORAGE}/frame.png?${SIGNATURE}","format":"PNG","file_size_bytes":1}`;
  const host = `zencoder${'.s3'.repeat(2600)}.example`;
  const texts: Record<string, string> = {
    'thumbnails with signed URLs': outputFilled('"thumbnails":[{"images":[', `${image},`, `${image}]}]`),
    'thumbnails with short URLs': outputFilled('"thumbnails":[', `{"url":"${STORAGE}"},`, 'null]'),
    'thumbnails as strings': outputFilled('"thumbnails":[', '"http:",', 'null]'),
    'thumbnails in nested lists': outputFilled(
      `"thumbnails":${'['.repeat(90)}`,
      '"http://a",',
      `7${']'.repeat(90)}`,
    ),
    'thumbnails that are none': outputFilled('"thumbnails":[', '1234567890123,', '1]'),
    'outputs without end': filled(
      '{"job":{"id":1},"outputs":[',
      '{"id":1,"backup_server_used":true},',
      '1]}',
    ),
    'hosts like those of Zencoder': outputFilled(
      '"thumbnails":[',
      `{"url":"https://zencoder.s3${'.s3'.repeat(75)}.example/x"},`,
      'null]',
    ),
    'long hosts like those of Zencoder': outputFilled('"thumbnails":[', `{"url":"https://${host}/x"},`, '1]'),
    'one URL': outputFilled('"url":"https://zencoder', '.s3', '.example/x"'),
    'one message': outputFilled('"primary_upload_error_message":"', 'ftp://a:b@', '"'),
    'one message of spaces': outputFilled('"primary_upload_error_message":"', ' ', '"'),
    'one label': outputFilled('"label":"', '\\ud83c', '"'),
    'long messages': outputsWith(
      () => `"primary_upload_error_message":"${'password='.repeat(1800)}","url":"${STORAGE}"`,
    ),
    'escaped slashes in URLs': outputFilled(
      '"thumbnails":[',
      `{"url":"${STORAGE}${'%2F'.repeat(100)}"},`,
      '1]',
    ),
    'small numbers': filled('[', '1,', '1234567890123456789]'),
    'long numbers': filled('[', '12345678901234567890,', '1]'),
    'one number': filled('{"id":', '9', '}'),
    'empty objects': filled('[', '{},', '1]'),
    'objects of different shapes': `[${Array.from({ length: 99_000 }, (_, index) => `{"${String(index).padStart(33, 'a')}":1}`).join()}]`,
    'two million levels': `${'['.repeat(LARGEST_BODY_BYTES / 2)}${']'.repeat(LARGEST_BODY_BYTES / 2)}`,
    'white space': ' '.repeat(LARGEST_BODY_BYTES),
    'an open string': `"${'\\'.repeat(LARGEST_BODY_BYTES - 1)}`,
  };
  return [
    ...Object.entries(texts).map(([name, text]) => ({ name, bytes: Buffer.from(text), isCompressed: false })),
    { name: 'a gzip bomb of 1 GiB', bytes: bomb(), isCompressed: true },
  ];
}

function bomb(): Buffer {
  const member = gzipSync(Buffer.alloc(64 * 2 ** 20));
  return Buffer.concat(Array.from({ length: 16 }, () => member));
}
