import { CfnResource, Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { PROBE_PREFIX } from '../../lambda/shared/runtime/preflight.ts';
import type { PreviousBucket } from '../settings.ts';

export interface RecoveryBucketProps {
  /**
   * Name of the customer's own bucket. The stack does not change it.
   *
   * @default - a bucket is made: encrypted by S3, private, TLS only, versioned; bucket and policy are kept when the stack
   * is deleted
   */
  readonly bucketName?: string | undefined;
  /**
   * Id of the account that owns the customer's bucket.
   *
   * @default - the account of the stack
   */
  readonly owner?: string | undefined;
  /**
   * ARN of the KMS key by which the customer's bucket encrypts.
   *
   * @default - none: no permission on any key
   */
  readonly kmsKeyArn?: string | undefined;
  /** Buckets that recovered files went into before, which stay readable for download links. @default - none */
  readonly previous?: readonly PreviousBucket[] | undefined;
}

/** ACL of objects in a bucket of another account, where ACLs are on; see `WriteHeaders`. */
const OBJECT_ACL = 'bucket-owner-full-control';

/** Where recovered files go. */
export class RecoveryBucket extends Construct {
  readonly bucketName: string;
  /** Id of the account that owns it. */
  readonly owner: string;
  /** Whether that is stated to be an account, rather than taken to be this one. */
  readonly #hasStatedOwner: boolean;
  readonly #previous: readonly PreviousBucket[];
  readonly #bucketArn: string;
  readonly #kmsKeyArn: string | undefined;
  /** The bucket's ARN as cdk-nag writes it in a finding. */
  readonly #findingName: string;

  /** @throws {Error} when a KMS key is given without a bucket: the stack's own bucket needs none. */
  constructor(scope: Construct, id: string, props: RecoveryBucketProps) {
    super(scope, id);
    if (props.kmsKeyArn !== undefined && props.bucketName === undefined) {
      throw new Error('bucketKmsKeyArn belongs to a bucket of your own: set bucketName as well');
    }
    this.#previous = props.previous ?? [];
    this.#hasStatedOwner = props.owner !== undefined;
    this.owner = props.owner ?? Stack.of(this).account;
    this.#kmsKeyArn = props.kmsKeyArn;
    if (props.bucketName === undefined) {
      const bucket = madeBucket(this);
      this.bucketName = bucket.bucketName;
      this.#bucketArn = bucket.bucketArn;
      this.#findingName = `<${logicalIdOf(bucket)}.Arn>`;
    } else {
      this.bucketName = props.bucketName;
      this.#bucketArn = Bucket.fromBucketName(this, 'Bucket', props.bucketName).bucketArn;
      this.#findingName = `arn:<AWS::Partition>:s3:::${props.bucketName}`;
    }
  }

  /** What the worker is to state with each object, as its environment variables. */
  get writeVariables(): Record<string, string> {
    return {
      ...(this.#kmsKeyArn !== undefined && { BUCKET_KMS_KEY_ARN: this.#kmsKeyArn }),
      ...(this.#hasStatedOwner && { OBJECT_ACL }),
    };
  }

  /**
   * Allows what a recovery does: create objects, resume and abort multipart uploads, and look whether a key is taken.
   * Listing the bucket makes S3 respond 404 instead of 403 for a key that is free.
   *
   * The policy, not only the code, prevents overwriting: without `If-None-Match` creating an object is denied.
   * (Starting an upload and sending its parts cannot carry that header, and create nothing.)
   *
   * Deleting is allowed for the probe objects of a preflight, which have a prefix of their own.
   */
  grantRecover(role: Role): void {
    const objects = `${this.#bucketArn}/*`;
    const probes = `${this.#bucketArn}/${PROBE_PREFIX}*`;
    const statements = [
      new PolicyStatement({
        actions: ['s3:PutObject', 's3:GetObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
        resources: [objects],
      }),
      new PolicyStatement({
        sid: 'NeverOverwrite',
        effect: Effect.DENY,
        actions: ['s3:PutObject'],
        resources: [objects],
        conditions: {
          Null: { 's3:if-none-match': 'true' },
          Bool: { 's3:ObjectCreationOperation': 'true' },
        },
      }),
      new PolicyStatement({ actions: ['s3:GetObjectRetention'], resources: [probes] }),
      new PolicyStatement({
        sid: 'RemoveProbes',
        actions: ['s3:DeleteObject', 's3:DeleteObjectVersion'],
        resources: [probes],
      }),
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [this.#bucketArn],
      }),
    ];
    if (this.#hasStatedOwner) {
      statements.push(
        new PolicyStatement({
          actions: ['s3:PutObjectAcl'],
          resources: [objects],
          conditions: { StringEquals: { 's3:x-amz-acl': OBJECT_ACL } },
        }),
      );
    }
    if (this.#kmsKeyArn !== undefined) {
      // S3 requires Decrypt to complete a multipart upload.
      statements.push(
        new PolicyStatement({
          actions: ['kms:GenerateDataKey', 'kms:Decrypt'],
          resources: [this.#kmsKeyArn],
        }),
      );
    }
    for (const statement of statements) role.addToPrincipalPolicy(statement);
    this.#acknowledgeRecover(role);
  }

  /** Previous buckets as the dashboard's environment variable, each with its owner: `name=123456789012,…`. */
  get downloadVariables(): Record<string, string> {
    if (this.#previous.length === 0) return {};
    const { account } = Stack.of(this);
    const entries = this.#previous.map(
      ({ bucketName, bucketOwner = account }) => `${bucketName}=${bucketOwner}`,
    );
    return { PREVIOUS_BUCKETS: entries.join(',') };
  }

  /** Allows to read recovered objects, also in previous buckets, for download links. */
  grantDownload(role: Role): void {
    const { partition } = Stack.of(this);
    const previous = this.#previous.map(({ bucketName }) => bucketName);
    const arns = [this.#bucketArn, ...previous.map((name) => `arn:${partition}:s3:::${name}`)];
    const keys = [this.#kmsKeyArn, ...this.#previous.map(({ bucketKmsKeyArn }) => bucketKmsKeyArn)];
    const keyArns = [...new Set(keys.filter((arn) => arn !== undefined))];
    role.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['s3:GetObject'], resources: arns.map((arn) => `${arn}/*`) }),
    );
    if (keyArns.length > 0) {
      role.addToPrincipalPolicy(new PolicyStatement({ actions: ['kms:Decrypt'], resources: keyArns }));
    }
    for (const name of [this.#findingName, ...previous.map((each) => `arn:<AWS::Partition>:s3:::${each}`)]) {
      Validations.of(role).acknowledge({
        id: `AwsSolutions-IAM5[Resource::${name}/*]`,
        reason:
          'The key template decides at run time where a file goes. The wildcard is confined to the objects of one bucket, ' +
          'and the only action reads; links are made for keys that the ledger names, and end after five minutes.',
      });
    }
  }

  /** Reasons of the wildcards in {@link grantRecover}, for cdk-nag. */
  #acknowledgeRecover(role: Role): void {
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${this.#findingName}/*]`,
      reason:
        'The key template decides at run time where a file goes, by ids and values of the job, and may have been another ' +
        'one when a recovery began that is still to be finished. The wildcard is confined to the objects of one bucket, ' +
        'the actions cannot delete, and a statement beside it denies to create an object unless its key is free.',
    });
    Validations.of(role).acknowledge({
      id: `AwsSolutions-IAM5[Resource::${this.#findingName}/${PROBE_PREFIX}*]`,
      reason:
        'Probe objects of a preflight have names that are made up for each run, so that two runs do not meet. The ' +
        'wildcard is confined to the prefix that only such objects have.',
    });
  }
}

function logicalIdOf(bucket: Bucket): string {
  const resource = bucket.node.defaultChild;
  if (!CfnResource.isCfnResource(resource)) throw new Error('the bucket has no resource of its own');
  return Stack.of(bucket).getLogicalId(resource);
}

/**
 * Kept, except when the first deploy fails: CloudFormation then removes the empty bucket.
 * https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
 */
const KEPT_ONCE_USED = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE;

function madeBucket(scope: Construct): Bucket {
  const bucket = new Bucket(scope, 'Bucket', {
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    versioned: true,
    lifecycleRules: [
      {
        // A recovery lasts 24 hours at most; what a crash leaves behind after that only costs money.
        abortIncompleteMultipartUploadAfter: Duration.days(7),
        // Time to undo a deletion; a recovered file itself never expires.
        noncurrentVersionExpiration: Duration.days(30),
      },
    ],
    removalPolicy: KEPT_ONCE_USED,
  });
  // A policy that goes with the stack would leave a bucket that allows plain HTTP.
  bucket.policy?.applyRemovalPolicy(KEPT_ONCE_USED);
  Validations.of(bucket).acknowledge({
    id: 'AwsSolutions-S1',
    reason:
      'Server access logs need a second bucket with its own retention, and name who read an object only at best effort. ' +
      'Every object here is written by one role, once, and recorded in the ledger with its source. Who must audit reads ' +
      'turns on CloudTrail data events, or brings a bucket of their own by the setting bucketName.',
  });
  return bucket;
}
