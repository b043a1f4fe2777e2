import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  Function as LambdaFunction,
  LoggingFormat,
  type RecursiveLoop,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { bundleOf } from '../bundle.ts';

/** What all functions of the stack have in common. */
export interface LoggingProps {
  /** Minimum level of the log lines that are written: DEBUG, INFO, WARN or ERROR. */
  readonly logLevel: string;
  /** How many days the log group keeps its lines. */
  readonly logRetentionDays: number;
}

export interface NodeFunctionProps extends LoggingProps {
  /** Name of the folder under `lambda/`, and of the service in logs and metrics. */
  readonly folder: string;
  /** What the function is for, as the console shows it. */
  readonly description: string;
  /** Memory in MB. */
  readonly memoryMb: number;
  /** Seconds after which Lambda ends an invocation. */
  readonly timeoutSeconds: number;
  /** The environment variables that the function's `environment.ts` parses. */
  readonly environment: Readonly<Record<string, string>>;
  /**
   * Invocations that are kept for the function, and the most of it that run at once.
   *
   * @default - none: it shares the account's concurrency
   */
  readonly reservedConcurrency?: number | undefined;
  /**
   * Whether Lambda lets the function go on when a chain of its own messages has invoked it 16 times.
   *
   * @default RecursiveLoop.TERMINATE
   */
  readonly recursiveLoop?: RecursiveLoop | undefined;
}

/**
 * A Lambda function as all of this stack are: Node 24 on arm64, one ESM bundle, a log group that forgets, and a role
 * that may write to that log group and nothing else until a construct grants it more. No managed policies.
 */
export class NodeFunction extends Construct {
  readonly function: LambdaFunction;
  readonly role: Role;

  constructor(scope: Construct, id: string, props: NodeFunctionProps) {
    super(scope, id);
    const logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.role = new Role(this, 'Role', {
      description: `${props.folder} function of the Zencoder recovery stack`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
    });
    logGroup.grantWrite(this.role);
    this.function = new LambdaFunction(this, 'Function', {
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: bundleOf(props.folder),
      handler: 'handler.handler',
      role: this.role,
      memorySize: props.memoryMb,
      timeout: Duration.seconds(props.timeoutSeconds),
      logGroup,
      ...(props.reservedConcurrency !== undefined && {
        reservedConcurrentExecutions: props.reservedConcurrency,
      }),
      ...(props.recursiveLoop !== undefined && { recursiveLoop: props.recursiveLoop }),
      // The functions write JSON themselves; Lambda's own JSON format would filter metric lines by level.
      loggingFormat: LoggingFormat.TEXT,
      environment: {
        ...props.environment,
        POWERTOOLS_SERVICE_NAME: props.folder,
        POWERTOOLS_LOG_LEVEL: props.logLevel,
        // Two stacks in one account keep their metrics apart.
        POWERTOOLS_METRICS_NAMESPACE: Stack.of(this).stackName,
      },
    });
  }
}
