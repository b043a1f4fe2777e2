import { describe, expect, it } from 'vitest';
import { categoryOf } from '../../../../lambda/shared/runtime/errors.ts';
import { endsPlan } from '../../../../lambda/worker/copy/errors.ts';
import { MiB } from '../../../../lambda/worker/copy/plan.ts';
import type { CopyJob } from '../../../../lambda/worker/copy/types.ts';
import { type Copying, copyWhole, SOON_STALLED, startCopying } from '../../../support/copying.ts';
import { contentOf, type SourceFault, type SourceRequest } from '../../../support/source-server.ts';

/** Three parts, so that a fault can strike in the first request or in a later one. */
const FILE = { size: 12 * MiB };

const EXPIRED =
  '<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired</Message><Expires>2026-03-15T12:00:00Z</Expires></Error>';
const BAD_SIGNATURE =
  '<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><StringToSign>secret</StringToSign></Error>';

async function faultOf(copying: Copying, job: Partial<CopyJob> = {}): Promise<Error & { category?: string }> {
  try {
    await copyWhole(copying.engine, copying.job(job));
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('the copy succeeded');
}

/** Strikes once, at the second request. */
function once(fault: SourceFault) {
  return ({ count }: SourceRequest) => (count === 2 ? fault : undefined);
}

describe('an error of the source', () => {
  it.each<[string, SourceFault]>([
    ['a connection reset in mid-part', { cutAfterBytes: 1 * MiB }],
    ['a body that ends too early', { cutAfterBytes: 3 * MiB, by: 'end' }],
    ['a connection closed without a response', 'close'],
    ['a 500', { status: 500, body: '<Error><Code>InternalError</Code></Error>' }],
    ['a 503 without Retry-After', { status: 503 }],
    ['a 503 with a Retry-After', { status: 503, headers: { 'retry-after': '0' } }],
  ])('is waited out: %s', async (_, fault) => {
    const copying = await startCopying({ file: FILE, fault: once(fault) });

    const result = await copyWhole(copying.engine, copying.job());

    expect(result.verifiedBy).toEqual(['crc32']);
    expect((await copying.object()).body.equals(contentOf(FILE))).toBe(true);
    expect(copying.source.requests.length).toBe(4);
  });

  it.each<[string, SourceFault]>([
    ['falls silent', { silentAfterBytes: 1 * MiB }],
    ['only trickles', { trickleBytes: 20 }],
  ])('ends a part that %s, which is read again over another connection', async (_, fault) => {
    const copying = await startCopying({ file: FILE, fault: once(fault), engine: SOON_STALLED });

    await copyWhole(copying.engine, copying.job());

    expect((await copying.object()).body.equals(contentOf(FILE))).toBe(true);
  });

  it.each<[string, SourceFault, string]>([
    ['connections that are always reset', { cutAfterBytes: 1000 }, 'SourceUnavailable'],
    ['5xx for ever', { status: 500 }, 'SourceUnavailable'],
    ['silence', { silentAfterBytes: 10 }, 'SourceStalled'],
    ['a slow trickle', { trickleBytes: 20 }, 'SourceStalled'],
    ['200 in place of 206', 'whole', 'UnexpectedSourceResponse'],
    [
      'a range other than asked for',
      { headers: { 'content-range': 'bytes 1-5242880/12582912' } },
      'UnexpectedSourceResponse',
    ],
    [
      'a response that does not name its range',
      { headers: { 'content-range': null } },
      'UnexpectedSourceResponse',
    ],
    ['compression in transit', 'gzip', 'UnexpectedSourceResponse'],
    [
      'a temporary redirect',
      { status: 307, headers: { location: 'https://elsewhere.example/' } },
      'SourceRedirected',
    ],
  ])('ends the attempt and leaves nothing behind: %s', async (_, fault, name) => {
    const copying = await startCopying({ file: FILE, fault: () => fault, engine: SOON_STALLED });

    const error = await faultOf(copying);

    expect(error).toMatchObject({ name, category: 'transient' });
    expect(await copying.exists()).toBe(false);
    expect(await copying.openUploads()).toBe(0);
  });

  it.each<[string, SourceFault, string, string]>([
    ['403 with an expiry text', { status: 403, body: EXPIRED }, 'SourceExpired', 'url-refused'],
    ['403 for another reason', { status: 403, body: BAD_SIGNATURE }, 'SourceRefused', 'url-refused'],
    ['403 without a word', { status: 403 }, 'SourceRefused', 'url-refused'],
    ['404', { status: 404, body: '<Error><Code>NoSuchKey</Code></Error>' }, 'SourceNotFound', 'lost'],
    [
      'a lasting redirect',
      { status: 301, headers: { location: 'https://x.example/' } },
      'SourceRedirected',
      'url-refused',
    ],
  ])('is not retried: %s', async (_, fault, name, category) => {
    const copying = await startCopying({ file: FILE, fault: () => fault });

    const error = await faultOf(copying);

    expect(error).toMatchObject({ name, category });
    expect(copying.source.requests.length).toBe(1);
  });

  it('has no part of the URL, the body or a header in its message', async () => {
    const copying = await startCopying({ file: FILE, fault: () => ({ status: 403, body: BAD_SIGNATURE }) });

    const error = await faultOf(copying);

    expect(`${error.message} ${String(error.cause)}`).not.toMatch(/Signature=|Expires|secret|video\.mp4/);
    expect(error.message).toContain('403 SignatureDoesNotMatch');
  });

  it('passes a long Retry-After on to the caller instead of waiting', async () => {
    const copying = await startCopying({
      file: FILE,
      fault: () => ({ status: 503, headers: { 'retry-after': '120' } }),
    });

    const error = await faultOf(copying);

    expect(error).toMatchObject({ name: 'SourceUnavailable', retryAfterMs: 120_000 });
    expect(copying.source.requests.length).toBe(1);
  });

  it('is none when a 206 arrives in chunks, without a length', async () => {
    const copying = await startCopying({ file: FILE, fault: () => 'chunked' });

    await copyWhole(copying.engine, copying.job());

    expect(copying.source.requests.length).toBe(4);
    expect((await copying.object()).body.equals(contentOf(FILE))).toBe(true);
  });

  it.each<[string, (request: SourceRequest) => SourceFault | undefined]>([
    ['its ETag', ({ range }) => (range?.from ? { headers: { etag: '"other"' } } : undefined)],
    [
      'its size',
      ({ range }) => (range?.from ? { headers: { 'content-range': sized(range, 99 * MiB) } } : undefined),
    ],
    ['itself, by If-Match', ({ range }) => (range?.from ? { status: 412 } : undefined)],
  ])('ends the plan when the source changes %s, so that two files are never mixed', async (_, fault) => {
    const copying = await startCopying({ file: FILE, fault });
    const job = copying.job();
    const started = await copying.engine.start(job);
    if (started.kind !== 'planned') throw new Error('expected a plan');

    const error: unknown = await copying.engine
      .copySegment(job, started.plan, 0)
      .catch((fault: unknown) => fault);

    expect(error).toMatchObject({ name: 'SourceChanged', category: 'transient' });
    expect(endsPlan(error)).toBe(true);
    expect(await copying.engine.complete(job, started.plan)).toMatchObject({ kind: 'incomplete' });
  });

  function sized(range: { from: number; to: number }, size: number): string {
    return `bytes ${range.from}-${range.to - 1}/${size}`;
  }

  it('has the new file copied from its first byte by a new start', async () => {
    const copying = await startCopying({ file: { size: 12 * MiB, etag: '"v1"' } });
    const job = copying.job();
    const started = await copying.engine.start(job);
    if (started.kind !== 'planned') throw new Error('expected a plan');
    const changed = { size: 11 * MiB, etag: '"v2"', start: Buffer.alloc(6 * MiB, 1) };
    copying.source.setFile(changed);
    await expect(copying.engine.copySegment(job, started.plan, 0)).rejects.toMatchObject({
      name: 'SourceChanged',
    });
    await copying.engine.abandon(started.plan);

    await copyWhole(copying.engine, job);

    expect((await copying.object()).body.equals(contentOf(changed))).toBe(true);
  });

  it.each([1000, 12 * MiB])(
    'is SizeMismatch for %i bytes of another size than announced, unless the job accepts it',
    async (size) => {
      const copying = await startCopying({ file: { size } });
      const job = { expectedSize: size + 1 };

      const error = await faultOf(copying, job);
      const result = await copyWhole(copying.engine, copying.job({ ...job, acceptMismatch: true }));

      expect(error.name).toBe('SizeMismatch');
      expect(categoryOf(error)).toBe('transient');
      expect(result).toMatchObject({
        size,
        verifiedBy: ['crc32'],
        warnings: [`the file has ${size} bytes, the notification announced ${size + 1}`],
      });
    },
  );

  it.each([1000, 12 * MiB])(
    'is Md5Mismatch for %i bytes of another MD5 than announced, unless the job accepts it',
    async (size) => {
      const copying = await startCopying({ file: { size } });
      const job = { expectedMd5: '0'.repeat(32) };

      const error = await faultOf(copying, job);
      const isLeft = (await copying.exists()) || (await copying.openUploads()) > 0;
      const result = await copyWhole(copying.engine, copying.job({ ...job, acceptMismatch: true }));

      expect(error.name).toBe('Md5Mismatch');
      expect(isLeft).toBe(false);
      expect(result.verifiedBy).toEqual(['crc32']);
      expect(result.warnings).toEqual([expect.stringMatching(/^the file has MD5 [0-9a-f]{32}, .* 0{32}$/)]);
    },
  );

  it('is SourceUnavailable when there is no source at all', async () => {
    const copying = await startCopying({ file: FILE });
    await copying.source.close();

    expect(await faultOf(copying)).toMatchObject({ name: 'SourceUnavailable', category: 'transient' });
  });

  it('is raised for a certificate that is not trusted, and nothing is sent', async () => {
    const copying = await startCopying({ file: FILE, tls: true });
    const untrusting = copying.anotherEngine({ tls: {} });

    await expect(copyWhole(untrusting, copying.job())).rejects.toMatchObject({ name: 'SourceUnavailable' });
    expect(copying.source.requests).toEqual([]);
  });

  it('is none when an idle connection has been closed: a new one is made at once', async () => {
    const copying = await startCopying({
      file: { size: 1000 },
      engine: { retry: { attempts: 1, firstMs: 1, maxMs: 1 } },
      fault: ({ count }) => (count === 2 ? 'close' : undefined),
    });
    await copyWhole(copying.engine, copying.job({ key: 'a' }));

    await copyWhole(copying.engine, copying.job({ key: 'b' }));

    expect(copying.source.connections()).toBe(2);
  });
});
