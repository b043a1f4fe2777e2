import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../../../infra/local/aws/listen.ts';
import { createZencoderApi } from '../../../../lambda/shared/zencoder/api.ts';
import {
  ApiKeyRefused,
  ApiRateLimited,
  ApiUnavailable,
  NotAtZencoder,
  ReadOnlyKey,
} from '../../../../lambda/shared/zencoder/api-errors.ts';
import { openStandIn, type StandIn } from '../../../support/zencoder-stand-in.ts';

type Handler = (incoming: IncomingMessage, response: ServerResponse) => void;

/** The client, against a server with the handler of the test. */
async function apiOn(handler: Handler, keys: readonly (string | null)[] = ['a-key', null]) {
  const keysSeen: string[] = [];
  const server = await listen(
    createServer((incoming, response) => {
      keysSeen.push(String(incoming.headers['zencoder-api-key']));
      handler(incoming, response);
    }),
  );
  onTestFinished(() => server.close());
  const key = { read: async () => keys[0] ?? '', readAgain: async () => keys[1] ?? null };
  return { api: createZencoderApi({ baseUrl: server.endpoint, key, timeoutMs: 300 }), keysSeen };
}

const status = (code: number, headers: Record<string, string> = {}): Handler => {
  return (_, response) => void response.writeHead(code, headers).end('{"errors":["no"]}');
};

/** A Zencoder stand-in until the end of the test. */
async function startStandIn(options?: Parameters<typeof openStandIn>[0]): Promise<StandIn> {
  const standIn = await openStandIn(options);
  onTestFinished(() => standIn.close());
  return standIn;
}

describe('createZencoderApi', () => {
  it('reads jobs, outputs and lists of the stand-in, newest first', async () => {
    const { zencoder, api, failedJob } = await startStandIn();
    const first = await failedJob();
    const second = await failedJob();
    const output = first.job.outputs[0];
    expect(await api('full').getOutput(String(output?.id))).toMatchObject({
      id: String(output?.id),
      backupServerUsed: true,
      url: expect.stringContaining('X-Amz-Signature'),
    });
    expect(await api('full').getJob(String(first.job.id))).toMatchObject({
      job: { id: String(first.job.id) },
      outputs: [{ id: String(output?.id) }],
    });
    const page = await api('full').listJobs(1);
    expect(page.jobs.map(({ job }) => job.id)).toEqual([second, first].map(({ job }) => String(job.id)));
    expect(page.isLast).toBe(true);
    expect(zencoder.jobs).toHaveLength(2);
  });

  it('detects a read-only key by responses without URLs', async () => {
    const { api, failedJob } = await startStandIn();
    const { job } = await failedJob();
    const client = api('read-only');
    await expect(client.getOutput(String(job.outputs[0]?.id))).rejects.toThrow(ReadOnlyKey);
    await expect(client.getJob(String(job.id))).rejects.toThrow(ReadOnlyKey);
    await expect(client.listJobs(1)).rejects.toThrow(ReadOnlyKey);
  });

  it('reports the remaining requests, and the time to wait when none remain', async () => {
    // The clock stands still, so that the requests take none of the minute however slow this machine is.
    const at = Date.now();
    const { api, failedJob } = await startStandIn({ now: () => at });
    await failedJob();
    const client = api('full');
    expect(client.remaining).toBeNull();
    await client.listJobs(1);
    expect(client.remaining).toBe(59);
    for (let count = 1; count < 60; count++) await client.listJobs(1);
    const refused = await client.listJobs(1).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ApiRateLimited);
    expect(refused).toMatchObject({ category: 'transient', retryAfterMs: 60_000 });
  });

  it('keeps the last number of remaining requests when a response has none', async () => {
    const headers = [{ 'x-zencoder-rate-remaining': '12' }, {}, { 'x-zencoder-rate-remaining': 'many' }];
    const { api } = await apiOn((_, response) => void response.writeHead(200, headers.shift()).end('[]'));
    for (const _ of [1, 2, 3]) {
      await api.listJobs(1);
      expect(api.remaining).toBe(12);
    }
  });

  it('reports an id that Zencoder does not know, and a key that it refuses', async () => {
    const { api } = await startStandIn();
    await expect(api('full').getOutput('17')).rejects.toThrow(NotAtZencoder);
    await expect(api('unknown').getOutput('17')).rejects.toThrow(ApiKeyRefused);
  });

  it('retries once when the key was exchanged in the meantime', async () => {
    const requireNewKey: Handler = (incoming, response) =>
      incoming.headers['zencoder-api-key'] === 'new-key'
        ? void response.end('{"id": 7, "state": "finished", "url": "https://a.example/b"}')
        : void response.writeHead(401).end();
    const fresh = await apiOn(requireNewKey, ['old-key', 'new-key']);
    expect(await fresh.api.getOutput('7')).toMatchObject({ id: '7' });
    expect(fresh.keysSeen).toEqual(['old-key', 'new-key']);
    const same = await apiOn(requireNewKey, ['old-key', null]);
    await expect(same.api.getOutput('7')).rejects.toThrow(ApiKeyRefused);
    expect(same.keysSeen).toEqual(['old-key']);
  });

  it.each([
    ['maintenance', status(503)],
    ['a response that is not JSON', (_, response) => void response.end('<html>')],
    [
      'a redirect, which would send the key to another server',
      status(302, { location: 'https://a.example/' }),
    ],
    ['a connection that breaks', (_, response) => void response.destroy()],
    ['no response in time', () => undefined],
  ] satisfies [string, Handler][])('reports %s as a transient error', async (_, handler) => {
    const { api } = await apiOn(handler);
    const error = await api.getOutput('7').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ApiUnavailable);
    expect(error).toMatchObject({ category: 'transient' });
    expect(String(error)).not.toMatch(/a-key|127\.0\.0\.1/);
  });

  it('waits a minute when a refusal has no Retry-After', async () => {
    const { api } = await apiOn(status(403));
    await expect(api.getOutput('7')).rejects.toMatchObject({ name: 'ApiRateLimited', retryAfterMs: 60_000 });
  });

  it('rejects a list without jobs and a response without a job', async () => {
    const { api } = await apiOn((_, response) => void response.end('{"jobs": 1}'));
    await expect(api.listJobs(1)).rejects.toThrow(ApiUnavailable);
    await expect(api.getJob('1')).rejects.toMatchObject({
      name: 'UnexpectedApiResponse',
      category: 'transient',
    });
  });
});
