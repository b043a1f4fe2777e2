import { describe, expect, it } from 'vitest';
import { createIdentities } from '../../../../../infra/local/aws/iam/identities.ts';

const keysIn = (env: NodeJS.ProcessEnv) => {
  const { owner, operator, of } = createIdentities(env, { accountId: '000000000000' });
  return [owner, operator, of('Worker'), of('Ingest')].map(({ accessKeyId }) => accessKeyId);
};
const FOREIGN = { AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:8000' };
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' };

describe('createIdentities', () => {
  it('gives owner, operator and each function keys of their own, also where the environment has some', () => {
    expect(new Set(keysIn({})).size).toBe(4);
    expect(new Set(keysIn(KEYS)).size).toBe(4);
  });

  it('gives all the keys in the environment with a foreign server', () => {
    expect(new Set(keysIn({ ...FOREIGN, ...KEYS }))).toEqual(new Set(['AKIAEXAMPLE']));
  });

  it('gives all one pair with a foreign server where the environment has none', () => {
    expect(new Set(keysIn(FOREIGN)).size).toBe(1);
  });
});
