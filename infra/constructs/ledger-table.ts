import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, type ITable, ProjectionType, Table } from 'aws-cdk-lib/aws-dynamodb';
import { type IGrantable, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Construct } from 'constructs';
import {
  INDEXES,
  LAST_NOTIFICATION,
  REFUSALS_PREFIX,
  SIGN_INS_PREFIX,
  TABLE_KEYS,
  TTL_ATTRIBUTE,
} from '../../lambda/shared/ledger/table.ts';

export interface LedgerTableProps {
  /**
   * Name of a table that is there: a ledger that another stack left, or that was restored from a backup. It must have
   * the keys and indexes of a ledger (`npm run preflight` compares them); the stack does not change it.
   *
   * @default - a table is made
   */
  readonly existingTableName?: string | undefined;
}

/** The ledger: a table of the stack's own, or an existing one. */
export class LedgerTable extends Construct {
  readonly table: Pick<ITable, 'tableName' | 'tableArn'>;

  constructor(scope: Construct, id: string, { existingTableName }: LedgerTableProps = {}) {
    super(scope, id);
    this.table =
      existingTableName === undefined
        ? madeTable(this, 'Table')
        : Table.fromTableName(this, 'Table', existingTableName);
  }

  /** ARNs of all its indexes. */
  get indexArns(): string[] {
    return Object.values(INDEXES).map(({ name }) => `${this.table.tableArn}/index/${name}`);
  }

  /**
   * Allows to read and write the records of a job, and to remove the lease of a segment whose upload is gone. A
   * transaction needs the permissions of its parts. No scan, and no index.
   */
  grantReadWrite(role: IGrantable): void {
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: [
          'dynamodb:GetItem',
          'dynamodb:Query',
          'dynamodb:PutItem',
          'dynamodb:UpdateItem',
          'dynamodb:DeleteItem',
        ],
        resources: [this.table.tableArn],
      }),
    );
  }

  /** Allows to look records up, by job and by every index, and to change nothing. No scan. */
  grantRead(role: IGrantable): void {
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['dynamodb:GetItem', 'dynamodb:Query'],
        resources: [this.table.tableArn, ...this.indexArns],
      }),
    );
  }

  /** Allows to change records that are there, beside what {@link grantRead} allows. */
  grantUpdate(role: IGrantable): void {
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['dynamodb:UpdateItem'], resources: [this.table.tableArn] }),
    );
  }

  /**
   * Allows to count refused notifications, and to note when the last one came: to update these items, and to see and
   * change no other.
   */
  grantCountNotifications(role: IGrantable): void {
    this.#grantUpdateIn([`${REFUSALS_PREFIX}*`, LAST_NOTIFICATION], role);
  }

  /** Allows to count sign-ins: to update the counters' items, and no other. */
  grantCountSignIns(role: IGrantable): void {
    this.#grantUpdateIn([`${SIGN_INS_PREFIX}*`], role);
  }

  /** @param partitions whose items may be updated, `*` for any characters. */
  #grantUpdateIn(partitions: readonly string[], role: IGrantable): void {
    role.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({
        actions: ['dynamodb:UpdateItem'],
        resources: [this.table.tableArn],
        conditions: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': partitions } },
      }),
    );
  }
}

/**
 * One table, its keys and indexes taken from the module that writes them. On demand, since failures come in bursts; with
 * point-in-time recovery and deletion protection, retained when the stack is deleted: it is the only record of what
 * Zencoder could not upload.
 *
 * Retained also when the first deploy fails: CloudFormation could not delete a protected table, and the rollback would
 * fail. What then stays is an empty table with a name of its own, which costs nothing and is in no later deploy's way.
 */
function madeTable(scope: Construct, id: string): Table {
  const table = new Table(scope, id, {
    partitionKey: text(TABLE_KEYS.partitionKey),
    sortKey: text(TABLE_KEYS.sortKey),
    billingMode: BillingMode.PAY_PER_REQUEST,
    pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    timeToLiveAttribute: TTL_ATTRIBUTE,
    deletionProtection: true,
    removalPolicy: RemovalPolicy.RETAIN,
  });
  for (const index of Object.values(INDEXES)) {
    table.addGlobalSecondaryIndex({
      indexName: index.name,
      partitionKey: text(index.partitionKey),
      sortKey: text(index.sortKey),
      projectionType: ProjectionType[index.projection],
    });
  }
  return table;
}

function text(name: string) {
  return { name, type: AttributeType.STRING };
}
