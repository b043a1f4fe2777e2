import { Banner } from './components.tsx';
import { Page } from './layout.tsx';

/** The form of the sign-in; it works without a script. */
export function SignInPage(props: {
  /** Path and query of the page that it leads to. */
  readonly next: string;
  readonly token: string;
  /** What was wrong with the sign-in before: title and text. */
  readonly problem: readonly [string, string] | null;
  readonly now: number;
}) {
  const { next, token, problem, now } = props;
  return (
    <Page title="Sign in" now={now} signedIn={null}>
      <section class="card sign-in" aria-labelledby="sign-in">
        <h1 id="sign-in">Sign in</h1>
        {problem !== null && (
          <div role="alert">
            <Banner tone="bad" title={problem[0]}>
              {problem[1]}
            </Banner>
          </div>
        )}
        <form method="post" action="/sign-in">
          <input type="hidden" name="token" value={token} />
          <input type="hidden" name="next" value={next} />
          <label for="username">User name</label>
          <input
            id="username"
            name="username"
            autocomplete="username"
            autocapitalize="none"
            spellcheck={false}
            maxlength={256}
            required
          />
          <label for="password">Password</label>
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            maxlength={1024}
            required
          />
          <button class="primary" type="submit">
            Sign in
          </button>
        </form>
        <p class="small muted">
          User name and password are in the secret that the stack’s output <code>DashboardSecretArn</code>{' '}
          names. A session lasts eight hours.
        </p>
      </section>
    </Page>
  );
}
