import { Page } from './layout.tsx';

/** A page that only tells something, such as that there is no such job. */
export function MessagePage(props: {
  readonly title: string;
  readonly text: string;
  readonly now: number;
  readonly link?: readonly [string, string];
  readonly leftOut?: string | null;
}) {
  const [name, path] = props.link ?? ['Back to the overview', '/'];
  return (
    <Page title={props.title} now={props.now} leftOut={props.leftOut ?? null}>
      <div class="head">
        <h1>{props.title}</h1>
        <p>{props.text}</p>
        <p>
          <a href={path}>{name}</a>
        </p>
      </div>
    </Page>
  );
}
