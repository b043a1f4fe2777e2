import { DEFAULT_SPAN, type FilterTexts, SPANS } from '../../shared/reporting/filters.ts';
import { UNKNOWN_UPLOAD_ERROR, UPLOAD_ERRORS } from '../../shared/zencoder/upload-errors.ts';
import { revealInvisible } from '../text.ts';

const SPAN_NAMES = { '24h': '24 hours', '7d': '7 days', '30d': '30 days', '90d': '90 days' } as const;
const STATES = ['open', 'pending', 'copying', 'recovered', 'lost', 'failed'] as const;

const ROLES = [
  ['media', 'media'],
  ['thumbnail', 'thumbnails'],
] as const;

/** The filters as a form that puts them into the URL. */
export function Filters({
  texts,
  classes,
}: {
  readonly texts: FilterTexts;
  readonly classes: readonly string[];
}) {
  return (
    <form class="filters" action="/#failures" method="get" aria-label="Filter failed uploads">
      <SpanFilter texts={texts} />
      <Choice
        label="Error class"
        name="error"
        chosen={texts.error}
        values={classesOf(texts, classes)}
        isWide
      />
      <label class="grow">
        Destination host
        <input name="host" value={texts.host ?? ''} placeholder="all" autocomplete="off" spellcheck={false} />
      </label>
      <Choice label="Recovery" name="state" chosen={texts.state} values={STATES.map(named)} />
      <Choice label="File type" name="role" chosen={texts.role} values={ROLES} />
      <button class="primary" type="submit">
        Filter
      </button>
      <a class="button" href="/">
        Clear
      </a>
    </form>
  );
}

function SpanFilter({ texts }: { readonly texts: FilterTexts }) {
  const since = texts.since ?? DEFAULT_SPAN;
  const isCustom = !SPANS.some((span) => span === since);
  return (
    <>
      <label>
        Time
        <select name="since">
          {isCustom && (
            <option value={since} selected>
              since {revealInvisible(since)}
            </option>
          )}
          {SPANS.map((span) => (
            <option value={span} selected={span === since}>
              last {SPAN_NAMES[span]}
            </option>
          ))}
        </select>
      </label>
      {texts.until !== undefined && (
        <label>
          Until
          <input name="until" value={texts.until} />
        </label>
      )}
    </>
  );
}

/** One of some values, or all; each value with its name. */
function Choice(props: {
  readonly label: string;
  readonly name: string;
  readonly chosen: string | undefined;
  readonly values: readonly (readonly [string, string])[];
  readonly isWide?: boolean;
}) {
  return (
    <label class={props.isWide ? 'grow' : undefined}>
      {props.label}
      <select name={props.name}>
        <option value="">all</option>
        {props.values.map(([value, name]) => (
          <option value={value} selected={value === props.chosen}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** The classes seen first, then the selected one, then all other known ones. */
function classesOf({ error }: FilterTexts, seen: readonly string[]) {
  const known = [...UPLOAD_ERRORS.map(({ errorClass }) => errorClass), UNKNOWN_UPLOAD_ERROR];
  return [...new Set([...seen, ...(error ? [error] : []), ...known])].map(named);
}

function named(value: string): readonly [string, string] {
  return [value, revealInvisible(value)];
}
