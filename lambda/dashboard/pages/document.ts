import { html } from 'hono/html';
import type { JSX } from 'hono/jsx/jsx-runtime';

/** The answer that shows a page. */
export async function document(page: JSX.Element, status = 200): Promise<Response> {
  const text = await html`<!doctype html>${page}`;
  return new Response(String(text), {
    status,
    headers: { 'content-type': 'text/html; charset=utf-8' },
  });
}
