import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  InvalidFilter,
  parseFailureQuery,
  parseRecoveryQuery,
} from '../../../../lambda/shared/reporting/filters.ts';
import { DAY_MS, HOUR_MS } from '../../../../lambda/shared/runtime/durations.ts';

const NOW = Date.parse('2026-03-15T12:00:00Z');

describe('parseFailureQuery', () => {
  it('defaults to the last seven days', () => {
    const { filters, texts, cursor, limit } = parseFailureQuery({}, NOW);
    expect(filters).toMatchObject({ since: NOW - 7 * DAY_MS, until: NOW + DAY_MS });
    expect(texts).toEqual({});
    expect(cursor).toBeUndefined();
    expect(limit).toBe(20);
  });

  it.each([
    ['24h', NOW - 24 * HOUR_MS],
    ['30d', NOW - 30 * DAY_MS],
    ['2026-03-14', Date.parse('2026-03-14T00:00:00Z')],
    ['2026-03-14T08:15', Date.parse('2026-03-14T08:15:00Z')],
    ['2026-03-14T08:15Z', Date.parse('2026-03-14T08:15:00Z')],
    ['2026-03-14T08:15:30.5Z', Date.parse('2026-03-14T08:15:30.500Z')],
  ])('reads since=%s as UTC', (since, expected) => {
    expect(parseFailureQuery({ since }, NOW).filters.since).toBe(expected);
  });

  it('ignores empty parameters, as forms send them', () => {
    const query = { since: '7d', error: '', host: ' ', state: '', role: '', cursor: '' };
    expect(parseFailureQuery(query, NOW).texts).toEqual({ since: '7d' });
  });

  it('keeps the given parameters for links to the next page', () => {
    const query = {
      since: '24h',
      error: 'UploadTimeoutError',
      host: 'FTP.Example',
      state: 'lost',
      role: 'media',
    };
    const { texts, filters } = parseFailureQuery(query, NOW);
    expect(texts).toEqual(query);
    expect(filters).toMatchObject({ host: 'ftp.example', state: 'lost', role: 'media' });
  });

  it('limits the span to four hundred days', () => {
    expect(parseFailureQuery({ since: '9999d' }, NOW).filters.since).toBe(NOW - 400 * DAY_MS);
  });

  it('reports all invalid parameters together', () => {
    const query = { since: 'yesterday', state: 'gone', role: 'audio', limit: '0', cursor: 'x'.repeat(201) };
    expect(() => parseFailureQuery(query, NOW)).toThrow(
      /since must be .*state must be .*role must be .*cursor is not .*limit must be/,
    );
  });

  it.each([{ since: '2026-13-01' }, { since: '1d', until: '2d' }, { limit: '101' }, { limit: '1e1' }])(
    'refuses %j',
    (query) => {
      expect(() => parseFailureQuery(query, NOW)).toThrow(InvalidFilter);
    },
  );

  it('either parses any query or throws InvalidFilter with a reason', () => {
    const names = fc.constantFrom('since', 'until', 'error', 'host', 'state', 'role', 'cursor', 'limit');
    fc.assert(
      fc.property(fc.dictionary(names, fc.string()), (query) => {
        try {
          const { filters } = parseFailureQuery(query, NOW);
          expect(filters.since).toBeLessThan(filters.until);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidFilter);
        }
      }),
    );
  });
});

describe('parseRecoveryQuery', () => {
  it('defaults to open recoveries', () => {
    expect(parseRecoveryQuery({}, NOW).filters.state).toBe('open');
  });
});
