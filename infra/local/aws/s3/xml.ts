import { XMLParser } from 'fast-xml-parser';
import { s3Error } from './errors.ts';

/** What an element holds: text, elements by name, or (as an array) the same element again and again. */
export type XmlContent =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlContent[]
  | { readonly [name: string]: XmlContent };

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** An S3 response: the declaration and one root element in S3's namespace (errors have none). */
export function xmlDocument(root: string, content: XmlContent, namespace = true): string {
  const attribute = namespace ? ` xmlns="${NAMESPACE}"` : '';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${inner(content)}</${root}>`;
}

function inner(content: XmlContent): string {
  if (content === undefined) return '';
  if (typeof content !== 'object') return escapeXml(String(content));
  return Object.entries(content)
    .map(([name, value]) => element(name, value))
    .join('');
}

function element(name: string, value: XmlContent): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((item: XmlContent) => element(name, item)).join('');
  return `<${name}>${inner(value)}</${name}>`;
}

/** Text for an element. Control characters become references, as S3 writes them although XML 1.0 has no such character. */
export function escapeXml(text: string): string {
  return text.replace(
    /[&<>"\p{Cc}]/gu,
    (character) => ENTITIES[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  );
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

const REPEATED = new Set(['Part', 'Object']);
const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: false,
  isArray: (name) => REPEATED.has(name),
});

/**
 * The body of a request as plain data: elements by name, `Part` and `Object` always as arrays, texts untouched.
 * @throws S3Error MalformedXML
 */
export function parseXml(text: string): unknown {
  try {
    return parser.parse(text, true);
  } catch {
    throw s3Error('MalformedXML');
  }
}
