import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';

/** How functions reach the Zencoder API; without a key they do without it. */
export interface ZencoderApiProps {
  /** ARN of the customer's own secret with a full-access API key. */
  readonly zencoderApiKeySecretArn?: string | undefined;
  /** Base of the API. */
  readonly zencoderApiUrl: string;
}

/** The environment variables of `lambda/shared/zencoder-api-environment.ts`. */
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
