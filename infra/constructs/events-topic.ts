import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { CfnTopic, Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

/**
 * The account's own key for SNS, by its alias name: KMS makes the key when SNS first uses it, so a fresh account has no
 * key that an ARN could lead to. SNS takes alias name, alias ARN, key id or key ARN
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html, key terms).
 */
const KEY_ALIAS = 'alias/aws/sns';

/**
 * The topic that gets an event for each primary failure and for each recovery that ends; `lambda/shared/events/events.ts` says
 * what is in them. Subscribe what you like, with a filter policy on the attributes `type`, `role`, `errorClass`, `test`.
 *
 * Encrypted by the account's own key for SNS, under which subscribers need no permission of their own, and closed to
 * any caller without TLS.
 */
export class EventsTopic extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { enforceSSL: true });
    const resource = this.topic.node.defaultChild;
    if (!(resource instanceof CfnTopic)) throw new Error('the topic has no resource of its own');
    // A property of the CDK's Topic takes a key object only, and writes its ARN.
    resource.kmsMasterKeyId = KEY_ALIAS;
  }

  /** Allows to publish on the topic, and nothing else. */
  grantPublish(role: IGrantable): void {
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['sns:Publish'], resources: [this.topic.topicArn] }),
    );
  }
}
