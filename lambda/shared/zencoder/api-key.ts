import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { clientLimits } from '../runtime/client-limits.ts';
import { httpUrl, text } from '../runtime/environment.ts';
import { SecretVersions } from '../runtime/secrets.ts';
import { type ApiKey, createZencoderApi, DEFAULT_ZENCODER_API_URL, type ZencoderApi } from './api.ts';

const secretShape = v.object({ apiKey: v.string() });

/** The Zencoder API key in Secrets Manager: the secret's whole text, or JSON with `apiKey`. */
class SecretApiKey implements ApiKey {
  readonly #versions: SecretVersions<string>;
  #read: string | undefined;

  /** @param now epoch milliseconds. */
  constructor(client: SecretsManagerClient, secretId: string, now: () => number = Date.now) {
    const expected = 'the secret of the Zencoder API key must be the key itself, or JSON with "apiKey"';
    this.#versions = new SecretVersions(client, secretId, { parse: keyIn, expected }, now);
  }

  async read(): Promise<string> {
    const [key = ''] = await this.#versions.validVersions();
    this.#read = key;
    return key;
  }

  async readAgain(): Promise<string | null> {
    const [key] = (await this.#versions.reload()) ?? [];
    return key === undefined || key === this.#read ? null : key;
  }
}

/** The key in a secret's text; null when it holds none that could be a header. */
export function keyIn(text: string): string | null {
  const key = (fromJson(text) ?? text).trim();
  return /^[\x21-\x7e]{1,200}$/.test(key) && !key.startsWith('{') ? key : null;
}

function fromJson(text: string): string | null {
  try {
    const parsed = v.safeParse(secretShape, JSON.parse(text));
    return parsed.success ? parsed.output.apiKey : null;
  } catch {
    return null;
  }
}

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
