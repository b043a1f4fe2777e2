import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { clientLimits } from './client-limits.ts';
import { httpUrl, text } from './environment.ts';
import { createZencoderApi, DEFAULT_ZENCODER_API_URL, type ZencoderApi } from './zencoder-api.ts';
import { SecretApiKey } from './zencoder-api-key.ts';

/** The variables by which a function reaches the Zencoder API; without the secret's ARN there is no key. */
export const zencoderApiEnvironment = {
  ZENCODER_API_KEY_SECRET_ARN: v.optional(text),
  ZENCODER_API_URL: v.optional(httpUrl, DEFAULT_ZENCODER_API_URL),
};

/** The client of the Zencoder API that the environment asks for; null when no key is configured. */
export function zencoderApiOf(environment: {
  readonly ZENCODER_API_KEY_SECRET_ARN?: string | undefined;
  readonly ZENCODER_API_URL: string;
}): ZencoderApi | null {
  const { ZENCODER_API_KEY_SECRET_ARN: secretArn, ZENCODER_API_URL: url } = environment;
  if (secretArn === undefined) return null;
  const key = new SecretApiKey(new SecretsManagerClient(clientLimits()), secretArn);
  return createZencoderApi({ baseUrl: url.replace(/\/+$/, ''), key });
}
