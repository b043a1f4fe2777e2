import type { Task } from './contestants/task.ts';

/**
 * One contestant in a process of its own: `node contestant.ts NAME TASK-AS-JSON`; prints what it took as JSON. CPU is
 * counted from when its modules are loaded, memory as the peak of the whole process.
 */

export interface Measure {
  /** User and system, seconds. */
  readonly cpu: number;
  /** Seconds. */
  readonly wall: number;
  /** Peak resident memory, MiB. */
  readonly rss: number;
}

const contestants: Record<string, () => Promise<{ run(task: Task): Promise<void> }>> = {
  engine: () => import('./contestants/engine.ts'),
  obvious: () => import('./contestants/obvious.ts'),
  pump: () => import('./contestants/pump.ts'),
};

const [name = '', text = '{}'] = process.argv.slice(2);
const load = contestants[name];
if (load === undefined) throw new Error(`no contestant ${name}`);
const contestant = await load();
const task: Task = JSON.parse(text);
const before = process.cpuUsage();
const began = performance.now();
await contestant.run(task);
const wall = (performance.now() - began) / 1000;
const { user, system } = process.cpuUsage(before);
const measure: Measure = {
  cpu: (user + system) / 1e6,
  wall,
  rss: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(JSON.stringify(measure), () => process.exit(0));
