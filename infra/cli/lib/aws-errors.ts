import { CommandFailure } from './command.ts';

const LOCAL = '--local asks the stack that npm start runs';

/** Errors of Node's TLS about the certificate of the other side. */
const CERTIFICATE =
  /^(?:SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_\w+|CERT_\w+|ERR_TLS_CERT_ALTNAME_INVALID)$/;
const NO_TLS = /^(?:EPROTO|ERR_SSL_\w+)$/;
const NO_RESPONSE = /^(?:ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN)$/;

/**
 * An SDK's error as a message with the action required, if there is one; else the error itself. The SDK's own reason is
 * part of the message, the error its cause.
 *
 * @param where what was asked, e.g. `stack ZencoderRecovery in eu-west-1`.
 */
export function toCommandFailure(
  error: unknown,
  where?: string,
  environment: NodeJS.ProcessEnv = process.env,
): unknown {
  if (!(error instanceof Error) || error instanceof CommandFailure) return error;
  const advice = adviceFor(error, environment.AWS_PROFILE || environment.AWS_DEFAULT_PROFILE);
  if (advice === undefined) return error;
  return new CommandFailure(where === undefined ? advice : `${where}: ${advice}`, { cause: error });
}

/** By the names of errors: https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html */
function adviceFor(error: Error, profile: string | undefined): string | undefined {
  const { name, message } = error;
  const login = `aws sso login${profile === undefined ? '' : ` --profile ${profile}`}`;
  const says = `AWS says: ${message || name}`;
  switch (name) {
    case 'CredentialsProviderError':
    case 'TokenProviderError':
      return credentialsAdvice(message, login);
    case 'ExpiredToken':
    case 'ExpiredTokenException':
    case 'TokenRefreshRequired':
    case 'RequestExpired':
      return `the AWS credentials have expired: sign in again (${login}). ${says}`;
    case 'InvalidClientTokenId':
    case 'UnrecognizedClientException':
    case 'InvalidAccessKeyId':
      return `AWS does not know the access key: it is mistyped, deleted, without its session token, or of another partition. ${says}`;
    case 'SignatureDoesNotMatch':
    case 'InvalidSignatureException':
      return `the secret key is not that of the access key, or the clock of this computer is wrong. ${says}`;
    case 'OptInRequired':
      return `the region is not enabled in this account. ${says}`;
    case 'AccessDenied':
    case 'AccessDeniedException':
      return `AWS denies access: ${message}`;
    default:
      return networkAdvice(error);
  }
}

function credentialsAdvice(message: string, login: string): string {
  if (/\bsso\b|token is expired/i.test(message)) return `sign in: ${login}. The AWS SDK says: ${message}`;
  if (/aws login|reauthenticate/i.test(message)) return `sign in: aws login. The AWS SDK says: ${message}`;
  return `no AWS credentials: sign in (${login}) or set AWS_PROFILE; ${LOCAL}. The AWS SDK says: ${message}`;
}

function networkAdvice(error: Error): string | undefined {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const said = error.message || code;
  if (/region not accepted|invalid region|region is missing/i.test(said)) {
    return `AWS_REGION or the region of the profile is none, e.g. eu-west-1. The AWS SDK says: ${said}`;
  }
  if (code === 'ENOTFOUND') return `no such host (${said}): is the region right, and the network up?`;
  if (CERTIFICATE.test(code)) {
    return `the certificate of the server is not trusted (${code}: ${said}): for a proxy that reads TLS set NODE_EXTRA_CA_CERTS to the file of its certificate`;
  }
  if (NO_TLS.test(code)) return `no TLS with the server (${said}): is the endpoint right?`;
  if (NO_RESPONSE.test(code) || error.name === 'TimeoutError') {
    return `no response (${said}): is the stack still running, and the endpoint right?`;
  }
  return undefined;
}
