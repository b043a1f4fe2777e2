/** Paths of pages, as a sign-in may lead back to them; the API asks for credentials itself. */
const PAGE = /^\/(?:errors|jobs(?:\/[A-Za-z0-9]+)*)?$/;

/**
 * As a parameter it may become three times as long, and API Gateway takes 10,240 bytes of request line and headers in all:
 * https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
 */
const LONGEST = 2_000;

/**
 * The page that a sign-in leads back to: a path of the dashboard with its query, the overview for anything else. It is
 * compared as a browser resolves it, so that no text leads to another host (`//host`, `/\host`, `/jobs/..//host`).
 */
export function returnPath(text: string | undefined): string {
  const base = 'https://dashboard.invalid';
  if (text === undefined || text.length > LONGEST || !text.startsWith('/')) return '/';
  const url = URL.canParse(text, base) ? new URL(text, base) : null;
  if (url === null || url.origin !== base || !PAGE.test(url.pathname)) return '/';
  return `${url.pathname}${url.search}`;
}

/** Where the sign-in page leads back to {@link returnPath}. */
export function signInPath(path: string): string {
  const next = returnPath(path);
  return next === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(next)}`;
}
