import { describe, expect, it } from 'vitest';
import { isForIngest } from '../../../lambda/ingest/path.ts';

const to = (method: string, rawPath: string) =>
  isForIngest({ rawPath, requestContext: { http: { method } } });

describe('a request', () => {
  it.each(['/notifications', '/notifications/'])('posted to %s is for ingest', (path) => {
    expect(to('POST', path)).toBe(true);
  });

  it.each([
    ['POST', '/'],
    ['POST', '/notification'],
    ['POST', '/notifications/x'],
    ['POST', '/Notifications'],
    ['GET', '/notifications'],
  ])('%s %s is not', (method, path) => {
    expect(to(method, path)).toBe(false);
  });
});
