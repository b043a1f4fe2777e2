import { raw } from 'hono/html';
import type { PropsWithChildren } from 'hono/jsx';
import { utcTime } from '../../shared/reporting/format.ts';
import { SCRIPT, STYLESHEET } from '../assets/assets.ts';
import type { VisitorRole } from '../credentials.ts';
import { Banner, UntrustedText } from './components.tsx';

/** The visitor, as every page shows them. */
export interface SignedIn {
  readonly name: string;
  readonly role: VisitorRole;
  /** For the form that ends the session; null for Basic credentials, which a browser would send again. */
  readonly signOutToken: string | null;
}

/** What every page needs. */
export interface PageFrame {
  readonly title: string;
  /** Which entry of the navigation the page belongs to. */
  readonly section?: 'overview' | 'errors' | undefined;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Null before the sign-in: the page then leads nowhere. */
  readonly signedIn: SignedIn | null;
  /** Path of the same thing in the JSON API. */
  readonly api?: string;
  /** What is left out of the page; see `unreadableLine`. */
  readonly leftOut?: string | null;
}

const ICON =
  'data:image/svg+xml,' +
  encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#3b7dd8" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"><path d="M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5M12 8v7m-3-3 3 3 3-3"/></svg>',
  );

/** A whole page. */
export function Page(props: PropsWithChildren<PageFrame>) {
  const { title, section, now, signedIn, api, leftOut = null, children } = props;
  return (
    <>
      {raw('<!doctype html>')}
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>{`${title} · Zencoder recovery`}</title>
          <link rel="icon" href={ICON} />
          <link rel="stylesheet" href={STYLESHEET.path} />
          <script src={SCRIPT.path} defer />
        </head>
        <body>
          <a class="skip" href="#main">
            Skip to content
          </a>
          <Header section={section} signedIn={signedIn} />
          <main id="main" class="wrap" tabindex={-1}>
            {leftOut !== null && (
              <Banner tone="bad" title={leftOut}>
                It was changed by hand or written by a newer version. It is left alone, and not counted below.
              </Banner>
            )}
            {children}
          </main>
          <footer>
            <div class="wrap">
              <span>As of {utcTime(now)}. All times are UTC.</span>
              {api !== undefined && <a href={api}>This page as JSON</a>}
            </div>
          </footer>
        </body>
      </html>
    </>
  );
}

function Header({ section, signedIn }: Pick<PageFrame, 'section' | 'signedIn'>) {
  return (
    <header class="top">
      <div class="wrap">
        <a class="brand" href="/">
          <Mark />
          Zencoder recovery
        </a>
        {signedIn !== null && (
          <>
            <nav aria-label="Main">
              <ul>
                <li>
                  <a href="/" aria-current={section === 'overview' ? 'page' : undefined}>
                    Overview
                  </a>
                </li>
                <li>
                  <a href="/errors" aria-current={section === 'errors' ? 'page' : undefined}>
                    Errors
                  </a>
                </li>
              </ul>
            </nav>
            <search>
              <JobForm />
            </search>
            <Account {...signedIn} />
          </>
        )}
      </div>
    </header>
  );
}

function Account({ name, role, signOutToken }: SignedIn) {
  return (
    <div class="account">
      <span class="small">
        <span class="vh">Signed in as </span>
        <UntrustedText text={name} /> <span class="muted">({role})</span>
      </span>
      {signOutToken !== null && (
        <form method="post" action="/sign-out">
          <input type="hidden" name="token" value={signOutToken} />
          <button type="submit">Sign out</button>
        </form>
      )}
    </div>
  );
}

function JobForm() {
  return (
    <form class="find" action="/jobs" method="get">
      <label class="vh" for="job-id">
        Job id
      </label>
      <input
        id="job-id"
        name="id"
        inputmode="numeric"
        pattern="[0-9]{1,20}"
        title="The number of a Zencoder job"
        placeholder="Job id"
        autocomplete="off"
        required
      />
      <button type="submit">Open job</button>
    </form>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 24 24" fill="none" aria-hidden="true">
      <path
        d="M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5M12 8v7m-3-3 3 3 3-3"
        stroke="currentColor"
        stroke-width="2.2"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  );
}

/** A page with nothing but a text, such as that there is no such job. */
export function MessagePage(props: {
  readonly title: string;
  readonly text: string;
  readonly now: number;
  readonly signedIn: SignedIn | null;
  readonly link?: readonly [string, string];
  readonly leftOut?: string | null;
}) {
  const { title, now, signedIn, leftOut = null } = props;
  const [name, path] = props.link ?? ['Back to the overview', '/'];
  return (
    <Page title={title} now={now} signedIn={signedIn} leftOut={leftOut}>
      <div class="head">
        <h1>{title}</h1>
        <p>{props.text}</p>
        <p>
          <a href={path}>{name}</a>
        </p>
      </div>
    </Page>
  );
}
