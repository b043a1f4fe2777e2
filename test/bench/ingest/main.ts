import { BOUNDS, type ReceiveDependencies, receive } from '../../../lambda/ingest/receive.ts';
import { DEFAULT_ZENCODER_STORAGE, parseStorageAllowList } from '../../../lambda/shared/zencoder/storage.ts';
import { type Body, bodies } from './bodies.ts';

/**
 * `npm run bench:ingest`: CPU milliseconds that ingest takes for one body, for the bodies that cost most. Its response
 * should take no more than 300; on a busy machine the minimum of some rounds counts. The queue and the ledger cost nothing here.
 */

const ROUNDS = 5;
const CREDENTIALS = { username: 'zencoder', password: 'secret', notificationSecret: null };

const dependencies: ReceiveDependencies = {
  credentials: { validVersions: async () => [CREDENTIALS], reload: async () => null },
  send: async () => undefined,
  countRefusal: async () => undefined,
  noteArrival: async () => undefined,
  settings: { storage: parseStorageAllowList(DEFAULT_ZENCODER_STORAGE), collectUnsentOutputs: false },
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  meter: { add: () => undefined },
  now: Date.now,
};

console.log(`Bounds: ${BOUNDS.outputs} outputs, ${BOUNDS.thumbnails} images.\n`);
console.log('least CPU ms | median | status | body');
for (const body of bodies()) {
  const measured: number[] = [];
  let status = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    status = (await receive(requestOf(body), dependencies)).statusCode;
    const { user, system } = process.cpuUsage(before);
    measured.push(Math.round((user + system) / 1000));
  }
  const sorted = measured.toSorted((a, b) => a - b);
  const [least = 0, median = 0] = [sorted[0], sorted[Math.floor(ROUNDS / 2)]];
  console.log(
    `${String(least).padStart(12)} | ${String(median).padStart(6)} | ${status}    | ${body.name}, ${body.bytes.length} bytes`,
  );
}

function requestOf({ bytes, isCompressed }: Body) {
  const { username, password } = CREDENTIALS;
  return {
    rawPath: '/notifications',
    requestContext: { http: { method: 'POST' } },
    headers: {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
      'content-type': 'application/json',
      ...(isCompressed && { 'content-encoding': 'gzip' }),
    },
    body: bytes.toString(isCompressed ? 'base64' : 'utf8'),
    isBase64Encoded: isCompressed,
  };
}
