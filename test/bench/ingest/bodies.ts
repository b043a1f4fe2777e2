import { gzipSync } from 'node:zlib';
import { BOUNDS } from '../../../lambda/ingest/receive.ts';
import { MAX_BODY_BYTES } from '../../../lambda/ingest/request.ts';

/** A request's body, and whether it is compressed. */
export interface Body {
  readonly name: string;
  readonly bytes: Buffer;
  readonly isCompressed: boolean;
}

const STORAGE = 'https://zencoder-temp-storage-us-east-1.s3.amazonaws.com/o/20260314/98ac/d200';
/** Longer than what is read of a message. */
const MAX_PROSE = 8192;
const MAX_URL = 8192;
/** As long as makes the most images fill the largest body. */
const FILLING_URL = 390;
const EMOJI = JSON.stringify('😀'.repeat(500));
const SIGNATURE = `X-Amz-Date=20260314T100232Z&X-Amz-Expires=86399&X-Amz-Signature=${'0123456789abcdef'.repeat(4)}`;

/** The text once and as often as it fits into the largest body between its beginning and its end. */
function filled(before: string, each: string, after: string): string {
  const room = MAX_BODY_BYTES - Buffer.byteLength(before) - Buffer.byteLength(after);
  return `${before}${each.repeat(Math.floor(room / Buffer.byteLength(each)))}${after}`;
}

function outputWith(fields: string): string {
  return `{"job":{"id":1},"output":{"id":2,"state":"finished","backup_server_used":true,${fields}}}`;
}

function outputFilled(before: string, each: string, after: string): string {
  const [head = '', tail = ''] = outputWith(`${before}|${after}`).split('|');
  return filled(head, each, tail);
}

/** As many different images as are taken and fit, each with a URL that its number is part of. */
function imagesWith(urlOf: (index: number) => string, label = 'null'): string {
  const [head = '', tail = ''] = outputWith(`"thumbnails":[{"label":${label},"images":[|null]}]`).split('|');
  const images: string[] = [];
  let room = MAX_BODY_BYTES - Buffer.byteLength(head) - Buffer.byteLength(tail);
  for (let index = 0; index < BOUNDS.thumbnails; index++) {
    const image = `{"url":${JSON.stringify(urlOf(index))}},`;
    room -= Buffer.byteLength(image);
    if (room < 0) break;
    images.push(image);
  }
  return `${head}${images.join('')}${tail}`;
}

/** A URL of Zencoder's storage that ends with a text as often as it fits into the length. */
function longUrl(index: number, each: string, length: number): string {
  const start = `${STORAGE}/${index}/`;
  return `${start}${each.repeat(Math.floor((length - start.length) / each.length))}`;
}

/** Both messages of as many outputs as are taken, each filled with a text. */
function messagesWith(each: string): string {
  const message = JSON.stringify(each.repeat(Math.ceil(MAX_PROSE / each.length)));
  return outputsWith(
    () => `"primary_upload_error_message":${message},"primary_thumbnail_upload_error_message":${message}`,
  );
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
    'different signed URLs': imagesWith(
      (index) => `${STORAGE}/frame_${index}.png?${SIGNATURE}&${'a'.repeat(140)}`,
    ),
    'different URLs with http': imagesWith((index) =>
      longUrl(index, 'a', FILLING_URL).replace('https', 'http'),
    ),
    'different hosts': imagesWith(
      (index) => `https://zencoder-${index}.s3${'.s3'.repeat(75)}.amazonaws.com/x`,
    ),
    'many query parameters': imagesWith((index) => `${STORAGE}/${index}?${'a=1&'.repeat(70)}`),
    ...Object.fromEntries(
      ['%2F', 'a%2F', 'a%FF', 'a%ff%fe', 'a%C3%A9', '%CC%81%CC%96', '\u0301\u0316', '😀', '%', '/'].flatMap(
        (each) => [
          [`long URLs of ${each}`, imagesWith((index) => longUrl(index, each, MAX_URL))],
          [`many URLs of ${each}`, imagesWith((index) => longUrl(index, each, FILLING_URL))],
        ],
      ),
    ),
    'a long label of many images': imagesWith((index) => `${STORAGE}/${index}`, EMOJI),
    'a long label of an output with many images': imagesWith((index) => `${STORAGE}/${index}`).replace(
      '"output":{',
      `"output":{"label":${EMOJI},`,
    ),
    'long pass_through with many images': imagesWith((index) => `${STORAGE}/${index}`).replace(
      '"job":{',
      `"job":{"pass_through":${EMOJI},`,
    ),
    'long labels of many outputs': outputsWith(
      (index) => `"label":${EMOJI},"thumbnails":[${`{"url":"${STORAGE}/${index}"},`.repeat(100)}null]`,
    ),
    'long links': outputsWith(
      () =>
        `"primary_upload_error_link":"https://a/${'%3a'.repeat(2700)}","primary_thumbnail_upload_error_link":"https://${'\u00e9.'.repeat(4000)}"`,
    ),
    ...Object.fromEntries(
      [
        'Could not upload to ftp://user:password@ftp.acme.example/a.mp4: 530 Login incorrect. ',
        'a\n',
        '?= ',
        '"key":"v" ',
        ' ://a:b',
        'x://a: ',
        'password is ',
        'token=a ',
      ].map((each) => [`messages of ${JSON.stringify(each)}`, messagesWith(each)]),
    ),
    'small numbers': filled('[', '1,', '1234567890123456789]'),
    'long numbers': filled('[', '12345678901234567890,', '1]'),
    'one number': filled('{"id":', '9', '}'),
    'empty objects': filled('[', '{},', '1]'),
    'objects of different shapes': `[${Array.from({ length: 99_000 }, (_, index) => `{"${String(index).padStart(33, 'a')}":1}`).join()}]`,
    'two million levels': `${'['.repeat(MAX_BODY_BYTES / 2)}${']'.repeat(MAX_BODY_BYTES / 2)}`,
    'white space': ' '.repeat(MAX_BODY_BYTES),
    'an open string': `"${'\\'.repeat(MAX_BODY_BYTES - 1)}`,
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
