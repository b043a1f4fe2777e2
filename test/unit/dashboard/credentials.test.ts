import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseSecret, visitorsOf, withPassword } from '../../../lambda/dashboard/credentials.ts';
import { CREDENTIALS, SECRET, VIEWER } from '../../support/dashboard.ts';

function parsed(secret: unknown) {
  const reasons: string[] = [];
  const text = typeof secret === 'string' ? secret : JSON.stringify(secret);
  return { found: parseSecret(text, (reason) => reasons.push(reason)), reasons };
}

describe('parseSecret', () => {
  it('takes a secret with two fields as that of an operator', () => {
    expect(parsed(CREDENTIALS)).toEqual({ found: { operator: CREDENTIALS, viewer: null }, reasons: [] });
  });

  it('takes a viewer from two more fields, named viewer unless they say otherwise', () => {
    const viewerPassword = VIEWER.password;
    expect(parsed({ ...CREDENTIALS, viewerPassword }).found).toEqual(SECRET);
    expect(parsed({ ...CREDENTIALS, viewerPassword, viewerUsername: 'desk' }).found?.viewer?.username).toBe(
      'desk',
    );
  });

  it.each([
    { viewerPassword: 'short' },
    { viewerPassword: 17 },
    { viewerUsername: 'viewer' },
    { viewerUsername: '', viewerPassword: VIEWER.password },
  ])('leaves the operator in with an unusable viewer %j, and gives the reason', (fields) => {
    const { found, reasons } = parsed({ ...CREDENTIALS, ...fields });
    expect(found).toEqual({ operator: CREDENTIALS, viewer: null });
    expect(reasons).toEqual([expect.stringContaining('viewerPassword must have 16 characters')]);
  });

  it('finds no credentials in any other text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parsed(text).found).toBeNull();
      }),
    );
  });
});

describe('withPassword', () => {
  const visitors = visitorsOf([SECRET, { operator: { ...CREDENTIALS, password: 'before' }, viewer: null }]);

  it.each([
    [`${CREDENTIALS.username}:${CREDENTIALS.password}`, 'operator'],
    [`${CREDENTIALS.username}:before`, 'operator'],
    [`${VIEWER.username}:${VIEWER.password}`, 'viewer'],
    [`${CREDENTIALS.username}:${VIEWER.password}`, undefined],
    [`${VIEWER.username}:${CREDENTIALS.password}`, undefined],
    ['', undefined],
  ])('finds who has %s', (text, role) => {
    expect(withPassword(Buffer.from(text), visitors)?.role).toBe(role);
  });
});
