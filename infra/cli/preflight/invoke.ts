import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as v from 'valibot';
import {
  PREFLIGHT_EVENT,
  type PreflightReport,
  preflightReport,
} from '../../../lambda/worker/preflight/report.ts';
import { CommandFailure } from '../command.ts';
import { explained, type Target } from '../target.ts';

const functionError = v.object({ errorType: v.string(), errorMessage: v.string() });

/**
 * Invokes the worker for a preflight and waits for its report.
 *
 * @throws {CommandFailure} when there is no such function, or it cannot run, or is of a version without preflight.
 */
export async function invokePreflight(target: Target, functionName: string): Promise<PreflightReport> {
  const client = new LambdaClient(target.clientConfig('lambda'));
  try {
    const answer = await client.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(PREFLIGHT_EVENT) }),
    );
    const payload: unknown = JSON.parse(answer.Payload?.transformToString() || 'null');
    if (answer.FunctionError !== undefined) throw faultOf(functionName, payload);
    return reportIn(payload);
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') {
      throw new CommandFailure(`${target.name} has no function ${functionName}`, { cause: error });
    }
    throw explained(error);
  } finally {
    client.destroy();
  }
}

function reportIn(payload: unknown): PreflightReport {
  const result = v.safeParse(preflightReport, payload);
  if (result.success) return result.output;
  throw new CommandFailure(
    'the worker answered something else than a report: deploy this version of the stack first',
  );
}

function faultOf(functionName: string, payload: unknown): CommandFailure {
  const { output, success } = v.safeParse(functionError, payload);
  const said = success ? `${output.errorType}: ${output.errorMessage}` : 'without a reason';
  return new CommandFailure(`the worker cannot run, ${said}; see the logs of ${functionName}`);
}
