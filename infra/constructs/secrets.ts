import { Validations } from 'aws-cdk-lib';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';

/**
 * The credentials of Zencoder for ingest: JSON with `username` and `password` for the notification URL, the password generated
 * without punctuation, so that it needs no escaping in a URL. The customer may add `notificationSecret`, the secret of
 * their Zencoder account's notification settings, which Zencoder then sends as a header.
 *
 * To rotate, put a new value: the previous version stays valid until the next one, so that jobs which were already
 * submitted with the old URL still notify.
 */
export class NotificationSecret extends Construct {
  readonly secret: Secret;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.secret = new Secret(this, 'Secret', {
      description: 'Credentials of the notification URL that Zencoder posts to',
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username: 'zencoder' }),
        generateStringKey: 'password',
        passwordLength: 32,
        excludePunctuation: true,
      },
    });
    Validations.of(this.secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'The password is part of the notification URL that the customer writes into every Zencoder job or into the ' +
        'settings of the Zencoder account. A rotation on a schedule would not reach those places, and would shut out ' +
        'notifications that cannot be had again. It is rotated by hand, and two versions are valid at a time.',
    });
  }

  /** Allows to read the secret, all its versions, and no other. */
  grantRead(role: IGrantable): void {
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['secretsmanager:GetSecretValue'],
        resources: [this.secret.secretArn],
      }),
    );
  }
}

/** How functions reach the Zencoder API; without a key they do without it. */
export interface ZencoderApiProps {
  /** ARN of the customer's own secret with a full-access API key. */
  readonly zencoderApiKeySecretArn?: string | undefined;
  /** Base of the API. */
  readonly zencoderApiUrl: string;
}

/** The environment variables of `lambda/shared/zencoder/api-key.ts`. */
export function zencoderApiVariables(props: ZencoderApiProps): Record<string, string> {
  const { zencoderApiKeySecretArn: secretArn, zencoderApiUrl } = props;
  if (secretArn === undefined) return {};
  return { ZENCODER_API_KEY_SECRET_ARN: secretArn, ZENCODER_API_URL: zencoderApiUrl };
}

/** Allows to read that secret, and no other. */
export function grantZencoderApiKey(role: IGrantable, { zencoderApiKeySecretArn }: ZencoderApiProps): void {
  if (zencoderApiKeySecretArn === undefined) return;
  role.grantPrincipal.addToPrincipalPolicy(
    new PolicyStatement({
      actions: ['secretsmanager:GetSecretValue'],
      resources: [zencoderApiKeySecretArn],
    }),
  );
}
