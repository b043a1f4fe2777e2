import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Alias } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

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
    this.topic = new Topic(this, 'Topic', {
      enforceSSL: true,
      masterKey: Alias.fromAliasName(this, 'Key', 'alias/aws/sns'),
    });
  }

  /** Allows to publish on the topic, and nothing else. */
  grantPublish(role: IGrantable): void {
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['sns:Publish'], resources: [this.topic.topicArn] }),
    );
  }
}
