import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as v from 'valibot';
import { toCommandFailure } from './aws-errors.ts';
import { CommandFailure } from './command.ts';
import type { Target } from './target.ts';

const functionError = v.object({ errorType: v.string(), errorMessage: v.string() });

/**
 * Invokes a function of the stack and waits for its response.
 *
 * @throws {CommandFailure} when there is no such function, or it cannot run, or is of a version that does not know the event.
 */
export async function invokeFunction<const Schema extends v.GenericSchema>(
  target: Target,
  functionName: string,
  event: object,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const client = new LambdaClient(target.clientConfig('lambda'));
  try {
    const response = await client.send(
      new InvokeCommand({ FunctionName: functionName, Payload: JSON.stringify(event) }),
    );
    const payload: unknown = JSON.parse(response.Payload?.transformToString() || 'null');
    if (response.FunctionError !== undefined) throw toFailure(functionName, payload);
    const result = v.safeParse(schema, payload);
    if (result.success) return result.output;
    throw new CommandFailure(
      `${functionName} returned something else than a report: deploy this version of the stack first`,
    );
  } catch (error) {
    if (error instanceof Error && error.name === 'ResourceNotFoundException') {
      throw new CommandFailure(`${target.name} has no function ${functionName}`, { cause: error });
    }
    throw toCommandFailure(error, target.name);
  } finally {
    client.destroy();
  }
}

function toFailure(functionName: string, payload: unknown): CommandFailure {
  const { output, success } = v.safeParse(functionError, payload);
  const said = success ? `${output.errorType}: ${output.errorMessage}` : 'without a reason';
  return new CommandFailure(`the function cannot run, ${said}; see the logs of ${functionName}`);
}
