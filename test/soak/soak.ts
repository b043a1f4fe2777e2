import pMap from 'p-map';
import { type Chaos, createChaos } from './chaos.ts';
import { type SoakEnvironment, startSoakEnvironment } from './environment.ts';
import { listenToEvents } from './events.ts';
import type { SoakOptions } from './options.ts';
import { createPoster } from './post.ts';
import { seededRandom } from './random.ts';
import type { SoakReport } from './report.ts';
import { waitForEnd } from './settle.ts';
import { verify } from './verify.ts';
import { burstOf, type FailedJob, failedJob, notificationOf } from './workload.ts';

const CONNECTIONS = 50;

/**
 * Runs a soak from its first notification to its verdict.
 *
 * @param log is called now and then with the progress.
 */
export async function soak(options: SoakOptions, log: (text: string) => void): Promise<SoakReport> {
  const until = Date.now() + options.timeout;
  const random = seededRandom(options.seed);
  const chaos = createChaos(options, seededRandom(options.seed + 1));
  const count = Math.max(1, Math.round(options.notifications * (1 - options.duplicates)));
  const jobs = Array.from({ length: count }, (_, index) => failedJob(index, random));
  const burst = burstOf(jobs, { count: options.notifications, refused: options.refused, random });
  const refusedJobs = new Set(burst.flatMap(({ job, isRefused }) => (isRefused ? [job.jobId] : [])));
  log('Starting the stack …');
  const environment = await startSoakEnvironment(chaos);
  try {
    await keepAll(environment, jobs, log);
    const heard = await listenToEvents(environment.stack);
    const poster = createPoster(environment.stack.notificationUrl, CONNECTIONS);
    const began = performance.now();
    chaos.begin(() => environment.stack.functions.kill('worker'));
    let posted = 0;
    await pMap(
      burst,
      async ({ job, kind, isRefused }) => {
        await poster.post(notificationOf(job, kind, isRefused ? environment.signInVain : environment.sign));
        posted++;
        if (posted === Math.ceil(burst.length / 2)) refuseTopic(chaos, environment, options.topic);
        if (posted % 100 === 0) log(`${posted} of ${burst.length} notifications are taken`);
      },
      { concurrency: CONNECTIONS },
    );
    const posting = performance.now() - began;
    poster.close();
    const settling = await waitForEnd(environment, until, ({ messages, events }) =>
      log(`${messages} messages are on the queue, ${events} events are owed`),
    );
    chaos.end();
    const all = performance.now() - began;
    log('Looking at every file …');
    const verification = await verify(environment, { jobs, refusedJobs }, await heard());
    const { timeout: _, json: __, help: ___, ...chosen } = options;
    return {
      ok: settling.isDone && verification.errorCount === 0,
      options: chosen,
      jobs: jobs.length,
      injected: chaos.injected,
      refused: poster.refused,
      took: { posting: Math.round(posting), all: Math.round(all) },
      settling,
      verification,
    };
  } finally {
    chaos.end();
    await environment.close();
  }
}

function refuseTopic(chaos: Chaos, { clock }: SoakEnvironment, milliseconds: number): void {
  const end = clock.now() + milliseconds;
  chaos.refuseTopic(() => clock.now() < end);
}

async function keepAll(
  environment: SoakEnvironment,
  jobs: readonly FailedJob[],
  log: (text: string) => void,
): Promise<void> {
  const files = jobs.flatMap((job) => job.files);
  let kept = 0;
  await pMap(
    files,
    async (file) => {
      await environment.keep(file);
      kept++;
      if (kept % 100 === 0) log(`${kept} of ${files.length} files are on Zencoder's storage`);
    },
    { concurrency: 16 },
  );
}
