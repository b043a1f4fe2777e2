import { randomUUID } from 'node:crypto';

const CURRENT = 'AWSCURRENT';
const PREVIOUS = 'AWSPREVIOUS';

/** One version of a secret. */
export interface SecretVersion {
  readonly id: string;
  readonly value: string;
  readonly stages: Set<string>;
  readonly created: number;
}

/** A secret with its versions, newest last. */
export interface Secret {
  readonly name: string;
  readonly arn: string;
  readonly description: string | undefined;
  readonly created: number;
  changed: number;
  readonly versions: SecretVersion[];
}

/** The error that AWS gives, by its code. */
export class SecretsManagerError extends Error {
  override readonly name = 'SecretsManagerError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

interface NewSecret {
  readonly description?: string | undefined;
  readonly region: string;
  readonly suffix?: string;
}

/** A secret that is there before anything else. */
export interface GivenSecret {
  /** Ends in a hyphen and six characters. */
  readonly arn: string;
  readonly value: string;
}

/** The secrets of one account and region, with the staging labels as AWS moves them. */
export class SecretsStore {
  readonly #secrets = new Map<string, Secret>();
  readonly #now: () => number;

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param suffix the six characters that end its ARN @default random */
  create(
    name: string,
    value: string,
    { description, region, suffix = randomUUID().slice(0, 6) }: NewSecret,
  ): Secret {
    if (this.#secrets.has(name)) {
      throw new SecretsManagerError(
        'ResourceExistsException',
        `The operation failed because the secret ${name} already exists.`,
      );
    }
    const secret: Secret = {
      name,
      arn: `arn:aws:secretsmanager:${region}:000000000000:secret:${name}-${suffix}`,
      description,
      created: this.#now(),
      changed: this.#now(),
      versions: [],
    };
    this.#secrets.set(name, secret);
    this.put(name, value, undefined, [CURRENT]);
    return secret;
  }

  /** Adds a version; AWSCURRENT moves to it, and AWSPREVIOUS to the one that was current. */
  put(secretId: string, value: string, token: string | undefined, stages: readonly string[]): SecretVersion {
    const secret = this.find(secretId);
    const id = token ?? randomUUID();
    const same = secret.versions.find((version) => version.id === id);
    if (same !== undefined) {
      if (same.value === value) return same;
      throw new SecretsManagerError(
        'ResourceExistsException',
        `A version with the ID ${id} already exists with another value.`,
      );
    }
    const version: SecretVersion = { id, value, stages: new Set(), created: this.#now() };
    secret.versions.push(version);
    for (const stage of stages) move(secret, stage, version);
    secret.changed = this.#now();
    return version;
  }

  /** The version by id and stage; AWSCURRENT when neither is given. */
  get(secretId: string, versionId: string | undefined, stage: string | undefined): SecretVersion {
    const wanted = versionId === undefined && stage === undefined ? CURRENT : stage;
    const found = this.find(secretId).versions.find(
      (version) =>
        (versionId === undefined || version.id === versionId) &&
        (wanted === undefined || version.stages.has(wanted)),
    );
    if (found !== undefined) return found;
    const what = versionId === undefined ? `staging label: ${wanted}` : `VersionId: ${versionId}`;
    throw new SecretsManagerError(
      'ResourceNotFoundException',
      `Secrets Manager can't find the specified secret value for ${what}`,
    );
  }

  /** By name, ARN, or ARN without the random suffix. */
  find(secretId: string): Secret {
    for (const secret of this.#secrets.values()) {
      if (secretId === secret.name || secretId === secret.arn || secretId === secret.arn.slice(0, -7)) {
        return secret;
      }
    }
    throw new SecretsManagerError(
      'ResourceNotFoundException',
      "Secrets Manager can't find the specified secret.",
    );
  }
}

function move(secret: Secret, stage: string, to: SecretVersion): void {
  const from = secret.versions.find((version) => version.stages.has(stage));
  from?.stages.delete(stage);
  to.stages.add(stage);
  if (stage === CURRENT && from !== undefined) move(secret, PREVIOUS, from);
}
