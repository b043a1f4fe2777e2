import { createHash } from 'node:crypto';
import { LIVE_SCRIPT } from './live.ts';
import { STYLES } from './styles.ts';

/** A file that pages refer to, under a name that changes with its content. */
export interface Asset {
  readonly path: string;
  readonly type: string;
  readonly text: string;
}

export const STYLESHEET = asset('dashboard', 'css', 'text/css', STYLES);
export const SCRIPT = asset('live', 'js', 'text/javascript', LIVE_SCRIPT);

const ASSETS = new Map([STYLESHEET, SCRIPT].map((each) => [each.path, each]));

/** The asset at a path, to be cached for ever; null when there is none of that name and content. */
export function assetAt(path: string): Response | null {
  const found = ASSETS.get(path);
  if (found === undefined) return null;
  return new Response(found.text, {
    headers: {
      'content-type': `${found.type}; charset=utf-8`,
      'cache-control': 'private, max-age=31536000, immutable',
    },
  });
}

function asset(name: string, extension: string, type: string, text: string): Asset {
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { path: `/assets/${name}-${hash}.${extension}`, type, text };
}
