import type { Measure } from './contestant.ts';
import type { ServerStats } from './servers.ts';

/** One run of one contestant. */
export interface Result extends Measure {
  readonly source: ServerStats;
  readonly sink: ServerStats;
}

/** All runs over files of one size. */
export interface Row {
  readonly label: string;
  /** Bytes of each file. */
  readonly size: number;
  readonly files: number;
  /** Runs by contestant, in order. */
  readonly results: ReadonlyMap<string, readonly Result[]>;
}

interface Target {
  readonly what: string;
  readonly row: string;
  readonly of: keyof Measure;
  readonly against: string;
  readonly atMost: number;
  /** Only with connections limited to this many MB/s; 0 for unlimited ones. */
  readonly rate: number;
}

const TARGETS: readonly Target[] = [
  { what: 'CPU, engine ÷ obvious', row: '1GiB', of: 'cpu', against: 'obvious', atMost: 0.4, rate: 0 },
  { what: 'CPU, engine ÷ pump', row: '1GiB', of: 'cpu', against: 'pump', atMost: 1.5, rate: 0 },
  { what: 'CPU, engine ÷ rclone', row: '1GiB', of: 'cpu', against: 'rclone', atMost: 0.5, rate: 0 },
  { what: 'CPU, engine ÷ curl + aws', row: '1GiB', of: 'cpu', against: 'curl + aws', atMost: 0.55, rate: 0 },
  { what: 'wall, engine ÷ obvious', row: '1GiB', of: 'wall', against: 'obvious', atMost: 0.5, rate: 0 },
  {
    what: 'wall, engine ÷ obvious, 20 MB/s a connection',
    row: '1GiB',
    of: 'wall',
    against: 'obvious',
    atMost: 0.33,
    rate: 20,
  },
  {
    what: 'CPU a 1 MiB file, engine ÷ obvious',
    row: '1MiBx100',
    of: 'cpu',
    against: 'obvious',
    atMost: 0.65,
    rate: 0,
  },
];

const MAX_RSS_MIB = 256;

export interface Circumstances {
  readonly date: Date;
  readonly cpu: string;
  /** MB/s a connection; 0 for no limit. */
  readonly rate: number;
}

/** Prints the table in Markdown, then the ratios next to their targets. */
export function printReport(rows: readonly Row[], circumstances: Circumstances): void {
  const { date, cpu, rate } = circumstances;
  console.log(
    `\n${date.toISOString().slice(0, 10)}, ${cpu}, Node ${process.version}${rate > 0 ? `, ${rate} MB/s a connection` : ''}\n`,
  );
  console.log(
    '| files | contestant | CPU | wall | peak memory | connections to source, sink | requests to source, sink |',
  );
  console.log('| --- | --- | --- | --- | --- | --- | --- |');
  for (const row of rows) for (const line of tableLines(row)) console.log(line);
  console.log('\n| ratio | measured | target |\n| --- | --- | --- |');
  for (const line of ratioLines(rows, rate)) console.log(line);
}

function tableLines(row: Row): string[] {
  return [...row.results].map(([name, results]) => {
    const cpu = median(results.map((result) => result.cpu));
    const wall = median(results.map((result) => result.wall));
    const rss = Math.max(...results.map((result) => result.rss));
    const last = results.at(-1);
    const connections = `${last?.source.connections}, ${last?.sink.connections}`;
    const requests = `${last?.source.requests}, ${last?.sink.requests}`;
    return `| ${row.label} | ${name} | ${perUnit(row, cpu)} | ${perUnit(row, wall)} | ${rss.toFixed(0)} MiB | ${connections} | ${requests} |`;
  });
}

function perUnit(row: Row, seconds: number): string {
  if (row.files > 1) return `${((seconds / row.files) * 1000).toFixed(2)} ms a file`;
  return `${(seconds / (row.size / 2 ** 30)).toFixed(2)} s/GiB`;
}

function ratioLines(rows: readonly Row[], rate: number): string[] {
  const ratios = TARGETS.filter((target) => target.rate === rate).flatMap((target) => {
    const row = rows.find(({ label }) => label === target.row);
    const ours = row?.results.get('engine') ?? [];
    const theirs = row?.results.get(target.against) ?? [];
    if (ours.length === 0 || theirs.length === 0) return [];
    // Runs next to each other share what else the machine was doing.
    const ratio = median(
      ours.map((result, index) => result[target.of] / (theirs[index]?.[target.of] ?? Number.NaN)),
    );
    return [
      `| ${target.what} | ${ratio.toFixed(2)} | ≤ ${target.atMost} ${ratio <= target.atMost ? 'met' : 'MISSED'} |`,
    ];
  });
  const peak = Math.max(
    0,
    ...rows.flatMap((row) => (row.results.get('engine') ?? []).map((result) => result.rss)),
  );
  const memory = `| peak memory of the engine at any size | ${peak.toFixed(0)} MiB | ≤ ${MAX_RSS_MIB} ${peak <= MAX_RSS_MIB ? 'met' : 'MISSED'} |`;
  return [...ratios, memory];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
