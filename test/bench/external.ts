import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import type { Measure } from './contestant.ts';
import { CREDENTIALS, keyOf, sourceUrl, type Task } from './contestants/task.ts';

/** Linux counts process times in these units; `getconf CLK_TCK`. */
const TICKS_PER_SECOND = 100;
const CERTIFICATE = new URL('../fixtures/tls/cert.pem', import.meta.url).pathname;

/** A copy by other people's programs, where they are installed. */
export interface ExternalContestant {
  readonly name: string;
  /** The command for one file, for `sh -c`. */
  command(task: Task): string;
}

export function externalContestants(): ExternalContestant[] {
  if (process.platform !== 'linux') return [];
  const all: (ExternalContestant & { needs: string[] })[] = [
    {
      name: 'rclone',
      needs: ['rclone'],
      command: (task) =>
        `rclone --config /dev/null --ca-cert '${CERTIFICATE}' copyurl '${sourceUrl(task, 0)}' ` +
        `':s3,provider=Other,force_path_style,env_auth,no_check_bucket,no_head,endpoint="${task.sink}":${task.bucket}/${keyOf(0)}'`,
    },
    {
      name: 'curl + aws',
      needs: ['curl', 'aws'],
      command: (task) =>
        `curl -sf --cacert '${CERTIFICATE}' '${sourceUrl(task, 0)}' | ` +
        `aws --endpoint-url '${task.sink}' s3 cp --quiet --expected-size ${task.size} - 's3://${task.bucket}/${keyOf(0)}'`,
    },
  ];
  return all.filter(({ needs }) => needs.every(isInstalled));
}

function isInstalled(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a program and measures its whole process tree, start-up included. */
export async function measureExternal(contestant: ExternalContestant, task: Task): Promise<Measure> {
  const before = childTicks();
  const began = performance.now();
  const child = spawn('sh', ['-c', contestant.command(task)], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_REGION: 'us-east-1',
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_CA_BUNDLE: CERTIFICATE,
    },
  });
  let rss = 0;
  const watch = setInterval(() => {
    rss = Math.max(rss, treeRss(child.pid ?? 0));
  }, 50);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(watch);
  if (code !== 0) throw new Error(`${contestant.name} ended with ${String(code)}`);
  return {
    cpu: (childTicks() - before) / TICKS_PER_SECOND,
    wall: (performance.now() - began) / 1000,
    rss: rss / 1024,
  };
}

/** CPU of all children that this process has waited for, and theirs: fields 16 and 17 of proc(5)'s stat. */
function childTicks(): number {
  const fields = statFields('self');
  return Number(fields[13]) + Number(fields[14]);
}

/** Fields of /proc/PID/stat from the third on; the second may hold spaces. */
function statFields(pid: string): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Resident memory of a process and all below it, in KiB. */
function treeRss(root: number): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      parents.set(Number(name), Number(statFields(name)[1]));
    } catch {
      // It ended between the two looks.
    }
  }
  const isBelow = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === root || isBelow(parents.get(pid)));
  return [...parents.keys()].filter(isBelow).reduce((sum, pid) => sum + rssOf(pid), 0);
}

function rssOf(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
