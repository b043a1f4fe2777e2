import { type StackPolicies, templatePolicies } from '../../infra/local/aws/iam/template-policies.ts';
import type { Scope } from '../../infra/local/cloudformation/template.ts';
import type { JsonObject } from '../../infra/local/json.ts';

/** The policies of a template, with a name made up for each resource, none of which is made. */
export function policiesIn(template: JsonObject): StackPolicies {
  const scope: Scope = {
    template,
    pseudo: {
      'AWS::Region': 'us-east-1',
      'AWS::AccountId': '123456789012',
      'AWS::Partition': 'aws',
      'AWS::URLSuffix': 'amazonaws.com',
      'AWS::StackName': 'Mine',
    },
    provisioned: (logicalId) => {
      const arn = `arn:aws:local:us-east-1:123456789012:it/${logicalId}`;
      const isNamedByArn = /Topic|Secret|OperatorsPolicy/.test(logicalId);
      return { ref: isNamedByArn ? arn : logicalId, attributes: { Arn: arn } };
    },
  };
  return templatePolicies(scope);
}
