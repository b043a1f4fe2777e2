import { describe, expect, it } from 'vitest';
import type { LogLine } from '../../../../infra/local/lambda/logs.ts';
import { prettyLine } from '../../../../infra/local/start/log-format.ts';

const line = (text: string, source: LogLine['source'] = 'function'): LogLine => ({
  functionName: 'f',
  source,
  text,
});

describe('a log line for people', () => {
  it('shows time, function, level, message and what is special about it', () => {
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

  it('shows what is not JSON as it is', () => {
    expect(prettyLine(line('Error: oops'))).toBe('Error: oops');
  });

  it('leaves out metrics and reports of invocations, but not what the runtime has to complain about', () => {
    expect(prettyLine(line('{"_aws":{"CloudWatchMetrics":[]}}'))).toBeUndefined();
    expect(prettyLine(line('REPORT RequestId: x', 'runtime'))).toBeUndefined();
    expect(prettyLine(line('Task timed out', 'runtime'))).toBe('runtime  Task timed out');
  });
});
