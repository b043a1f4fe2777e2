import { resolve, sep } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../../../infra/local/aws/lambda/protocol.ts';
import { pathInside, prettyLine } from '../../../../infra/local/start/mirror.ts';

const line = (text: string, source: LogLine['source'] = 'function'): LogLine => ({
  functionName: 'f',
  source,
  text,
});

describe('prettyLine', () => {
  it('formats time, function, level, message and further fields', () => {
    const entry = {
      level: 'INFO',
      message: 'recovered',
      timestamp: '2026-11-22T13:40:51.123Z',
      service: 'worker',
      function_name: 'long-name',
      function_request_id: 'id',
      jobId: '7',
      reason: 'two words',
      requests: { source: 1 },
    };
    expect(prettyLine(line(JSON.stringify(entry)))).toBe(
      '13:40:51 worker INFO  recovered  jobId=7 reason="two words" requests={"source":1}',
    );
  });

  it('leaves a line that is not JSON unchanged', () => {
    expect(prettyLine(line('Error: oops'))).toBe('Error: oops');
  });

  it('omits metrics and invocation reports, but keeps errors of the runtime', () => {
    expect(prettyLine(line('{"_aws":{"CloudWatchMetrics":[]}}'))).toBeUndefined();
    expect(prettyLine(line('REPORT RequestId: x', 'runtime'))).toBeUndefined();
    expect(prettyLine(line('Task timed out', 'runtime'))).toBe('runtime  Task timed out');
  });
});

describe('pathInside', () => {
  it('returns the key below the folder', () => {
    expect(pathInside('out', 'a/b.mp4')).toBe(resolve('out/a/b.mp4'));
    expect(pathInside('out', '/a//b.mp4')).toBe(resolve('out/a/b.mp4'));
  });

  it.each(['../x', 'a/../../x', '..', '.', '', 'folder/'])('returns no path for the key %j', (key) => {
    expect(pathInside('out', key)).toBeUndefined();
  });

  it('shortens names to what file systems support, and keeps the extension', () => {
    const path = pathInside('out', `${'界'.repeat(200)}/${'a'.repeat(400)}.mp4`) ?? '';
    expect(path).toMatch(/\.mp4$/);
    expect(path).not.toContain('\ufffd');
    for (const name of path.split(sep)) expect(Buffer.byteLength(`${name}.part`)).toBeLessThanOrEqual(255);
  });

  it('distinguishes long names with the same prefix', () => {
    const [one, two] = ['1', '2'].map((end) => pathInside('out', `${'a'.repeat(400)}${end}.mp4`));
    expect(one).not.toBe(two);
  });

  it('never leaves the folder', () => {
    const piece = fc.oneof(fc.constantFrom('..', '.', '/', '\\', ''), fc.string());
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const path = pathInside('out', pieces.join('/'));
        expect(path === undefined || path.startsWith(resolve('out') + sep)).toBe(true);
      }),
    );
  });
});
