/** The answer to a request that cannot be served, as RFC 9457 has it. `detail` is fit to be shown to anybody. */
export function problem(
  status: number,
  title: string,
  detail?: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const body = { type: 'about:blank', title, status, ...(detail !== undefined && { detail }) };
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'content-type': 'application/problem+json', ...headers },
  });
}
