import { parentPort, workerData } from 'node:worker_threads';
import { installClock } from '../clock.ts';

/*
 * The queue and topic server in a thread of its own: fauxqs takes every time (visibility, delay) from `Date.now()` and
 * reads it every 20 ms while a receiver polls, so a shifted `Date` in its thread is all that moving its clock takes.
 * The import comes after the clock, which modules may read while they load.
 */
const offset: SharedArrayBuffer = workerData;
installClock(offset);
const { createMessagingApp } = await import('./messaging-app.ts');
const app = await createMessagingApp();
parentPort?.once('message', () => void app.close().then(() => parentPort?.close()));
parentPort?.postMessage(await app.listen({ port: 0, host: '127.0.0.1' }));
