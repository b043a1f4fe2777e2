import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Visitor, visitorsOf } from '../../../lambda/dashboard/credentials.ts';
import { isCurrent, openSession, SESSION_MS, sealSession } from '../../../lambda/dashboard/session.ts';
import { MINUTE_MS } from '../../../lambda/shared/runtime/durations.ts';
import { SECRET } from '../../support/dashboard.ts';
import { NOW } from '../../support/ledger-data.ts';

const VISITORS = visitorsOf([SECRET]);
const ROTATED = visitorsOf([
  { operator: { ...SECRET.operator, password: 'the-next-password' }, viewer: SECRET.viewer },
]);
const [OPERATOR, VIEWER] = VISITORS;
if (OPERATOR === undefined || VIEWER === undefined) throw new Error('the secret has two credentials');

const anyVisitor = fc.constantFrom<Visitor>(OPERATOR, VIEWER);

describe('a session', () => {
  it('belongs to the visitor whom it was sealed for, until eight hours later', () => {
    fc.assert(
      fc.property(anyVisitor, fc.integer({ min: 0, max: SESSION_MS - 1 }), (visitor, passed) => {
        expect(openSession(sealSession(visitor, NOW), VISITORS, NOW + passed)).toEqual(visitor);
      }),
    );
    expect(openSession(sealSession(OPERATOR, NOW), VISITORS, NOW + SESSION_MS)).toBeNull();
  });

  it('ends when the secret no longer has its credential, and only then', () => {
    expect(openSession(sealSession(OPERATOR, NOW), ROTATED, NOW)).toBeNull();
    expect(openSession(sealSession(OPERATOR, NOW), [...ROTATED, ...VISITORS], NOW)).toEqual(OPERATOR);
    expect(openSession(sealSession(VIEWER, NOW), ROTATED, NOW)).toEqual(VIEWER);
  });

  it('is no session after any change of a character', () => {
    const sealed = sealSession(VIEWER, NOW);
    fc.assert(
      fc.property(
        fc.nat({ max: sealed.length - 1 }),
        fc.string({ unit: 'grapheme-ascii', maxLength: 2 }),
        (at, text) => {
          const changed = `${sealed.slice(0, at)}${text}${sealed.slice(at + 1)}`;
          fc.pre(changed !== sealed);
          expect(openSession(changed, VISITORS, NOW)).toBeNull();
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('gives a viewer no other role and no later end', () => {
    const [, end = '', mac = ''] = sealSession(VIEWER, NOW).split('.');
    expect(openSession(`operator.${end}.${mac}`, VISITORS, NOW)).toBeNull();
    expect(openSession(`viewer.${Number(end) + 1}.${mac}`, VISITORS, NOW)).toBeNull();
  });

  it('is none in any text of another origin, whatever its length', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ minLength: 5000, maxLength: 9000 })), (text) => {
        expect(isCurrent(text, NOW)).toBe(false);
        expect(openSession(text, VISITORS, NOW)).toBeNull();
      }),
    );
  });

  it('is accepted from an environment whose clock is minutes ahead, not hours', () => {
    expect(openSession(sealSession(OPERATOR, NOW + 4 * MINUTE_MS), VISITORS, NOW)).toEqual(OPERATOR);
    expect(openSession(sealSession(OPERATOR, NOW + 60 * MINUTE_MS), VISITORS, NOW)).toBeNull();
  });

  it('holds role, end and signature only', () => {
    expect(sealSession(OPERATOR, NOW)).toMatch(/^operator\.[0-9]{13}\.[\w-]{43}$/);
  });
});
