import { DEFAULT_SPAN, type FilterTexts, SPANS } from '../../shared/reporting/filters.ts';
import { UNKNOWN_UPLOAD_ERROR, UPLOAD_ERRORS } from '../../shared/zencoder/upload-errors.ts';
import { revealInvisible } from '../text.ts';

const SPAN_NAMES = { '24h': '24 hours', '7d': '7 days', '30d': '30 days', '90d': '90 days' } as const;
const STATES = ['open', 'pending', 'copying', 'recovered', 'lost', 'failed'] as const;

/** The filters as a form that puts them into the URL. */
export function Filters(props: { readonly texts: FilterTexts; readonly classes: readonly string[] }) {
  const { texts } = props;
  const since = texts.since ?? DEFAULT_SPAN;
  const isCustom = !SPANS.some((span) => span === since);
  const known = [...UPLOAD_ERRORS.map(({ errorClass }) => errorClass), UNKNOWN_UPLOAD_ERROR];
  const classes = [...new Set([...props.classes, ...(texts.error ? [texts.error] : []), ...known])];
  return (
    <form class="filters" action="/#failures" method="get" aria-label="Filter failed uploads">
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
      <label class="grow">
        Error class
        <select name="error">
          <option value="">all</option>
          {classes.map((name) => (
            <option value={name} selected={name === texts.error}>
              {revealInvisible(name)}
            </option>
          ))}
        </select>
      </label>
      <label class="grow">
        Destination host
        <input name="host" value={texts.host ?? ''} placeholder="all" autocomplete="off" spellcheck={false} />
      </label>
      <label>
        Recovery
        <select name="state">
          <option value="">all</option>
          {STATES.map((state) => (
            <option value={state} selected={state === texts.state}>
              {state}
            </option>
          ))}
        </select>
      </label>
      <label>
        Upload of
        <select name="role">
          <option value="">all</option>
          <option value="media" selected={texts.role === 'media'}>
            media
          </option>
          <option value="thumbnail" selected={texts.role === 'thumbnail'}>
            thumbnails
          </option>
        </select>
      </label>
      <button class="primary" type="submit">
        Filter
      </button>
      <a class="button" href="/">
        Clear
      </a>
    </form>
  );
}
