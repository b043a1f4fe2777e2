import { describe, expect, it } from 'vitest';
import { toCommandFailure } from '../../../../infra/cli/lib/aws-errors.ts';
import { CommandFailure } from '../../../../infra/cli/lib/command.ts';

function anError(name: string, message: string, code?: string): Error {
  return Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });
}

describe('toCommandFailure', () => {
  it.each([
    [
      'CredentialsProviderError',
      'The SSO session associated with this profile has expired.',
      'sign in: aws sso login --profile dev',
    ],
    [
      'TokenProviderError',
      "Token is expired. To refresh this SSO session run 'aws sso login'",
      'sign in: aws sso login --profile dev',
    ],
    ['CredentialsProviderError', 'Your session has expired. Please reauthenticate.', 'sign in: aws login'],
    [
      'CredentialsProviderError',
      'Could not load credentials from any providers',
      'no AWS credentials: sign in',
    ],
    ['ExpiredToken', 'The security token included in the request is expired', 'have expired: sign in again'],
    [
      'InvalidClientTokenId',
      'The security token included in the request is invalid.',
      'AWS does not know the access key',
    ],
    [
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match',
      'the secret key is not that',
    ],
    ['AccessDeniedException', 'User: x is not authorized to perform: sqs:SendMessage', 'AWS denies access'],
  ])('says what to do about %s and keeps the reason', (name, message, advice) => {
    const cause = anError(name, message);
    const failure = toCommandFailure(cause, 'stack Recovery in eu-west-1', { AWS_PROFILE: 'dev' });
    expect(failure).toBeInstanceOf(CommandFailure);
    expect(failure).toMatchObject({
      cause,
      message: expect.stringMatching(/^stack Recovery in eu-west-1: /),
    });
    expect(failure).toMatchObject({ message: expect.stringContaining(advice) });
    expect(failure).toMatchObject({ message: expect.stringContaining(message) });
  });

  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', 'set NODE_EXTRA_CA_CERTS'],
    ['EPROTO', 'wrong version number', 'no TLS with the server'],
    ['ENOTFOUND', 'getaddrinfo ENOTFOUND sqs.eu-west-9.amazonaws.com', 'is the region right'],
    ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:9', 'no response'],
    [undefined, 'Region not accepted: region="us east" is not a valid hostname component.', 'AWS_REGION'],
  ])('explains %s of the network', (code, message, advice) => {
    const failure = toCommandFailure(anError('Error', message, code), undefined, {});
    expect(failure).toMatchObject({ message: expect.stringContaining(advice) });
    expect(failure).toMatchObject({ message: expect.stringContaining(message) });
  });

  it('leaves any other error, and one with a message of its own, as it is', () => {
    const other = anError('TypeError', 'x is not a function');
    const own = new CommandFailure('there is no stack');
    expect([toCommandFailure(other, 'here', {}), toCommandFailure(own, 'here', {})]).toEqual([other, own]);
  });
});
