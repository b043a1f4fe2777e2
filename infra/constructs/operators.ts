import { ArnFormat, Stack, Validations } from 'aws-cdk-lib';
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';
import { jobPartition } from '../../lambda/shared/ledger/table.ts';
import type { LedgerTable } from './ledger-table.ts';
import type { RecoveryQueue } from './queue.ts';
import type { NotificationSecret } from './secrets.ts';

export interface OperatorsProps {
  readonly ledger: LedgerTable;
  readonly queue: RecoveryQueue;
  readonly secret: NotificationSecret;
  /** Invoked by a preflight. */
  readonly worker: IFunction;
  /** Invoked by it as well, where there is one. */
  readonly dashboard?: IFunction | undefined;
  /** Whose subscribers `npm run status` lists. */
  readonly alarms: ITopic;
}

/** Partition keys of the jobs that `npm run send-test` makes up: fifteen digits, beyond the ids of Zencoder. */
export const TEST_JOBS = jobPartition(`9${'?'.repeat(14)}`);

/**
 * What the commands (`npm run status` and the others) need, as a policy to attach to the role or permission set of operators.
 * It deletes only records of test jobs, and reads neither recovered files nor the dashboard's secret.
 */
export class Operators extends Construct {
  readonly policy: ManagedPolicy;

  constructor(scope: Construct, id: string, props: OperatorsProps) {
    super(scope, id);
    this.policy = new ManagedPolicy(this, 'Policy', {
      description: 'What operators of the Zencoder recovery stack need for its commands',
      statements: [findStack(this), ...ledgerStatements(props.ledger), ...otherStatements(props)],
    });
    const { stackName } = Stack.of(this);
    Validations.of(this.policy).acknowledge({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudformation:<AWS::Region>:<AWS::AccountId>:stack/${stackName}/*]`,
      reason:
        'The commands find the stack by its name, and CloudFormation makes up the last segment of the ARN. The wildcard is ' +
        'confined to stacks of this name, and the only action describes.',
    });
    Validations.of(this.policy).acknowledge({
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'lambda:GetAccountSettings knows no resource. It reads the limits of the account and nothing else.',
    });
  }
}

function findStack(scope: Construct): PolicyStatement {
  const stack = Stack.of(scope);
  return new PolicyStatement({
    actions: ['cloudformation:DescribeStacks'],
    resources: [
      stack.formatArn({
        service: 'cloudformation',
        resource: 'stack',
        resourceName: `${stack.stackName}/*`,
        arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
      }),
    ],
  });
}

function ledgerStatements(ledger: LedgerTable): PolicyStatement[] {
  const { tableArn } = ledger.table;
  return [
    new PolicyStatement({
      actions: ['dynamodb:GetItem', 'dynamodb:DescribeTable', 'dynamodb:DescribeTimeToLive'],
      resources: [tableArn],
    }),
    new PolicyStatement({ actions: ['dynamodb:Query'], resources: [tableArn, ...ledger.indexArns] }),
    new PolicyStatement({
      sid: 'RemoveTestJobs',
      actions: ['dynamodb:DeleteItem'],
      resources: [tableArn],
      conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': [TEST_JOBS] } },
    }),
  ];
}

function otherStatements({ queue, secret, worker, alarms, dashboard }: OperatorsProps): PolicyStatement[] {
  return [
    new PolicyStatement({
      actions: ['sqs:GetQueueAttributes', 'sqs:SendMessage'],
      resources: [queue.queue.queueArn],
    }),
    new PolicyStatement({
      actions: ['sqs:GetQueueAttributes', 'sqs:ReceiveMessage', 'sqs:DeleteMessage'],
      resources: [queue.deadLetterQueue.queueArn],
    }),
    new PolicyStatement({
      actions: ['secretsmanager:GetSecretValue'],
      resources: [secret.secret.secretArn],
    }),
    new PolicyStatement({
      actions: ['lambda:InvokeFunction'],
      resources: [worker, ...(dashboard === undefined ? [] : [dashboard])].map(
        ({ functionArn }) => functionArn,
      ),
    }),
    new PolicyStatement({ actions: ['lambda:GetAccountSettings'], resources: ['*'] }),
    new PolicyStatement({ actions: ['sns:ListSubscriptionsByTopic'], resources: [alarms.topicArn] }),
  ];
}
