import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../clock.ts';
import type { LocalServer } from './listen.ts';

/** Starts SQS and SNS (fauxqs), whose visibility timeouts and delays follow the clock. */
export async function startMessaging(clock: Clock): Promise<LocalServer> {
  const thread = new Worker(new URL('./messaging-thread.ts', import.meta.url), {
    workerData: clock.offset,
    env: {},
    execArgv: [],
    name: 'messaging',
  });
  const [endpoint] = await once(thread, 'message');
  return {
    endpoint: String(endpoint),
    async close() {
      const ended = once(thread, 'exit');
      thread.postMessage('close');
      await ended;
    },
  };
}
