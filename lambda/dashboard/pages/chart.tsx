import { counted, number } from '../../shared/reporting/format.ts';
import { type Bucket, type ChartData, OTHER_CLASSES } from '../../shared/reporting/statistics.ts';
import { DAY_MS } from '../../shared/runtime/durations.ts';
import { revealInvisible, withQuery } from '../text.ts';

const HEIGHT = 208;
const TOP = 14;
const BASE = 184;
const GRID_LINES = 4;
const DAY_NAME = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

/** Failed primaries over time, stacked by error class, with the same numbers as a table. */
export function Chart({ data, spanWords }: { readonly data: ChartData; readonly spanWords: string }) {
  const max = Math.max(1, ...data.buckets.map(totalOf));
  const scale = niceScale(max);
  return (
    <figure class="chart">
      <Plot data={data} scale={scale} spanWords={spanWords} />
      <Legend data={data} />
      <details>
        <summary>Show the numbers as a table</summary>
        <Numbers data={data} />
      </details>
    </figure>
  );
}

function Plot(props: { readonly data: ChartData; readonly scale: Scale; readonly spanWords: string }) {
  const { data, scale } = props;
  const { buckets, series, totals, total, step } = data;
  const description = series
    .map((name, index) => `${revealInvisible(name)}: ${number(totals[index] ?? 0)}`)
    .join('; ');
  const ticks = Array.from({ length: scale.lines + 1 }, (_, index) => index * scale.step);
  return (
    <svg role="img" aria-labelledby="chart-title chart-description" height={HEIGHT}>
      <title id="chart-title">{`Failed uploads ${props.spanWords}, by error class`}</title>
      <desc id="chart-description">{`${counted(total, 'failed upload')}. ${description}`}</desc>
      {ticks.map((value) => (
        <>
          <line
            class={value === 0 ? 'grid base' : 'grid'}
            x1="0"
            x2="100%"
            y1={yOf(value, scale)}
            y2={yOf(value, scale)}
          />
          {value > 0 && (
            <text x="0" y={yOf(value, scale) - 3}>
              {number(value)}
            </text>
          )}
        </>
      ))}
      <svg
        aria-hidden="true"
        y={TOP}
        width="100%"
        height={BASE - TOP}
        viewBox={`0 0 ${buckets.length} ${BASE - TOP}`}
        preserveAspectRatio="none"
      >
        {series.map((_, index) => (
          <path class={`bar ${colour(index, data)}`} d={outlines(data, index, scale)} />
        ))}
        {buckets.map((bucket, index) => (
          <Column bucket={bucket} index={index} data={data} />
        ))}
      </svg>
      {labelled(buckets, step).map(({ index, text, isMinor }) => (
        <text class={isMinor ? 'narrow-hide' : undefined} x={percent(index / buckets.length)} y={HEIGHT - 6}>
          {text}
        </text>
      ))}
    </svg>
  );
}

/** What a column holds, for pointers that rest on it. */
function Column(props: { readonly bucket: Bucket; readonly index: number; readonly data: ChartData }) {
  const { bucket, index, data } = props;
  if (totalOf(bucket) === 0) return null;
  const parts = data.series.flatMap((name, series) =>
    bucket.counts[series] ? [`${revealInvisible(name)} ${bucket.counts[series]}`] : [],
  );
  return (
    <rect class="hit" x={index} width="1" height={BASE - TOP}>
      <title>{`${columnName(bucket.start, data.step)}: ${parts.join(', ')}`}</title>
    </rect>
  );
}

/** The bars of one series in one path: a page has a hundred of them. */
function outlines({ buckets }: ChartData, series: number, scale: Scale): string {
  return buckets
    .map(({ counts }, index) => {
      const count = counts[series] ?? 0;
      if (count === 0) return '';
      const below = counts.slice(0, series).reduce((sum, each) => sum + each, 0);
      const top = yOf(below + count, scale) - TOP;
      return `M${round(index + 0.12)} ${round(top)}h.76v${round(yOf(below, scale) - TOP - top)}h-.76z`;
    })
    .join('');
}

function Legend({ data }: { readonly data: ChartData }) {
  return (
    <ul class="legend" aria-label="Error classes">
      {data.series.map((name, index) => (
        <li>
          <svg aria-hidden="true" viewBox="0 0 10 10">
            <rect class={colour(index, data)} width="10" height="10" rx="2" />
          </svg>
          <bdi>{revealInvisible(name)}</bdi> <span class="muted">{number(data.totals[index] ?? 0)}</span>
        </li>
      ))}
    </ul>
  );
}

function Numbers({ data }: { readonly data: ChartData }) {
  const { rows, step } = numbers(data);
  return (
    <section class="scroll" aria-label="Failed uploads over time, numbers" tabindex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">From (UTC)</th>
            {data.series.map((name) => (
              <th scope="col" class="num">
                <bdi>{revealInvisible(name)}</bdi>
              </th>
            ))}
            <th scope="col" class="num">
              All
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              <th scope="row">
                <a href={withQuery('/', { since: minuteOf(row.start), until: minuteOf(row.end) })}>
                  {columnName(row.start, step)}
                </a>
              </th>
              {row.counts.map((count) => (
                <td class="num">{number(count)}</td>
              ))}
              <td class="num">{number(totalOf(row))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The columns that are not empty, the newest first; by days where there would be too many to read. */
function numbers({ buckets, step }: ChartData): { readonly rows: readonly Bucket[]; readonly step: number } {
  const filled = buckets.filter((bucket) => totalOf(bucket) > 0).toReversed();
  if (step >= DAY_MS || buckets.length * step <= 2 * DAY_MS) return { rows: filled, step };
  const days = Map.groupBy(filled, ({ start }) => Math.floor(start / DAY_MS) * DAY_MS);
  const rows = [...days].map(([start, group]) => ({
    start,
    end: start + DAY_MS,
    counts: (group[0]?.counts ?? []).map((_, series) =>
      group.reduce((sum, { counts }) => sum + (counts[series] ?? 0), 0),
    ),
  }));
  return { rows, step: DAY_MS };
}

/** `2026-03-15T08:00Z` */
function minuteOf(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16)}Z`;
}

interface Scale {
  readonly step: number;
  readonly lines: number;
}

/** Up to four lines at round numbers. */
function niceScale(max: number): Scale {
  const rough = Math.max(1, max / GRID_LINES);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough;
  return { step, lines: Math.ceil(max / step) };
}

function yOf(value: number, { step, lines }: Scale): number {
  return round(BASE - (value / (step * lines)) * (BASE - TOP));
}

/** About seven labels at whole days (whole hours for a short span), every other one only where there is room. */
function labelled(buckets: readonly Bucket[], step: number) {
  const unit = step < DAY_MS / 4 ? 3 * 60 * 60 * 1000 : DAY_MS;
  const whole = buckets.flatMap((bucket, index) => (bucket.start % unit === 0 ? [{ bucket, index }] : []));
  const every = Math.max(1, Math.ceil(whole.length / 8));
  return whole
    .filter((_, place) => place % every === 0)
    .map(({ bucket, index }, place) => {
      const iso = new Date(bucket.start).toISOString();
      const isMidnight = bucket.start % DAY_MS === 0;
      return {
        index,
        text: isMidnight ? DAY_NAME.format(bucket.start) : iso.slice(11, 16),
        isMinor: place % 2 === 1,
      };
    });
}

function columnName(start: number, step: number): string {
  const iso = new Date(start).toISOString();
  return step < DAY_MS ? `${iso.slice(0, 10)} ${iso.slice(11, 16)}` : iso.slice(0, 10);
}

function colour(series: number, data: ChartData): string {
  return data.series[series] === OTHER_CLASSES ? 's6' : `s${series}`;
}

function totalOf({ counts }: Bucket): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

function percent(share: number): string {
  return `${round(share * 100)}%`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
