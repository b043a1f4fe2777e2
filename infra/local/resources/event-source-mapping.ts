import { randomUUID } from 'node:crypto';
import * as v from 'valibot';
import { MOST_ENVIRONMENTS } from '../lambda/runtime.ts';
import { numeric, parseProperties, truth } from './parse.ts';
import { functionByArn, type Maker, UnsupportedResource } from './world.ts';

const properties = v.object({
  EventSourceArn: v.string(),
  FunctionName: v.string(),
  BatchSize: v.optional(v.pipe(numeric, v.minValue(1), v.maxValue(10)), 10),
  Enabled: v.optional(truth, true),
  FunctionResponseTypes: v.optional(v.array(v.literal('ReportBatchItemFailures')), []),
  ScalingConfig: v.optional(v.object({ MaximumConcurrency: numeric })),
  FilterCriteria: v.optional(v.never('filters do not work locally')),
});

/** AWS::Lambda::EventSourceMapping of a queue. Polling starts when the whole stack is made. */
export const makeEventSourceMapping: Maker = (resource, world) => {
  const wanted = parseProperties(properties, resource);
  const queueUrl = world.queueUrls.get(wanted.EventSourceArn);
  if (queueUrl === undefined) {
    throw new UnsupportedResource(resource, `${wanted.EventSourceArn} is no queue of this stack`);
  }
  const id = randomUUID();
  if (wanted.Enabled) {
    world.mappings.push({
      queueUrl,
      queueArn: wanted.EventSourceArn,
      region: world.region,
      target: functionByArn(qualified(wanted.FunctionName), resource, world),
      batchSize: wanted.BatchSize,
      partialResponses: wanted.FunctionResponseTypes.length > 0,
      // More would only hide messages that wait for a thread.
      maximumConcurrency: Math.min(wanted.ScalingConfig?.MaximumConcurrency ?? Infinity, MOST_ENVIRONMENTS),
    });
  }
  return { ref: id, attributes: { Id: id } };
};

function qualified(name: string): string {
  return name.startsWith('arn:') ? name : `:function:${name}`;
}
