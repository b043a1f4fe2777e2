import * as v from 'valibot';
import { type ResolvedResource, UnsupportedResource } from './world.ts';

/** CloudFormation takes numbers and booleans as text too. */
export const numeric = v.pipe(v.union([v.number(), v.string()]), v.transform(Number), v.finite());
export const truth = v.pipe(
  v.union([v.boolean(), v.picklist(['true', 'false'])]),
  v.transform((value) => value === true || value === 'true'),
);

/** Reads the properties that matter locally; others are left alone. @throws {UnsupportedResource} naming the faults */
export function parseProperties<S extends v.GenericSchema>(
  schema: S,
  resource: ResolvedResource,
): v.InferOutput<S> {
  const result = v.safeParse(schema, resource.properties);
  if (result.success) return result.output;
  const faults = result.issues.map((issue) => `${v.getDotPath(issue) ?? 'properties'}: ${issue.message}`);
  throw new UnsupportedResource(resource, faults.join('; '));
}
