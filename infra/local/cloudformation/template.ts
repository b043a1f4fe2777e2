import { asText, isObject, type Json, type JsonObject, objectAt } from '../json.ts';

/** A resource of the template, properties still holding intrinsics. */
export interface TemplateResource {
  readonly logicalId: string;
  readonly type: string;
  readonly properties: JsonObject;
  readonly metadata: JsonObject;
  /** Logical ids that the template says it comes after, beside those that it refers to. */
  readonly dependsOn: readonly string[];
}

/** What is wrong with a template, and where: `Resources.Worker.Properties.Environment…: …`. */
export class TemplateError extends Error {
  override readonly name = 'TemplateError';
}

/** What an intrinsic needs to know of a resource that has been made. */
export interface ProvisionedResource {
  /** What `Ref` gives. */
  readonly ref: string;
  /** What `Fn::GetAtt` gives, by attribute name. */
  readonly attributes: Readonly<Record<string, Json>>;
}

/** What the template is resolved against. */
export interface Scope {
  readonly template: JsonObject;
  /** `AWS::Region` and the like. */
  readonly pseudo: Readonly<Record<string, string>>;
  /** The made resource of that logical id; undefined when there is none (yet). */
  readonly provisioned: (logicalId: string) => ProvisionedResource | undefined;
}

/** The resources whose condition holds, in the template's order. */
export function resourcesOf(scope: Scope): TemplateResource[] {
  const found: TemplateResource[] = [];
  for (const [logicalId, resource] of Object.entries(objectAt(scope.template, 'Resources'))) {
    if (!isObject(resource) || typeof resource.Type !== 'string') {
      throw new TemplateError(`Resources.${logicalId}: not a resource`);
    }
    const condition = resource.Condition;
    if (typeof condition === 'string' && !conditionHolds(condition, scope)) continue;
    found.push({
      logicalId,
      type: resource.Type,
      properties: objectAt(resource, 'Properties'),
      metadata: objectAt(resource, 'Metadata'),
      dependsOn: [resource.DependsOn ?? []].flat().filter((id) => typeof id === 'string'),
    });
  }
  return found;
}

/** The logical ids (and parameter names) that a value refers to, in whatever intrinsic. */
export function referencesOf(value: Json | undefined, found = new Set<string>()): Set<string> {
  if (Array.isArray(value)) {
    for (const item of value) referencesOf(item, found);
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      const named = referenceIn(key, inner);
      for (const name of named) found.add(name);
      referencesOf(inner, found);
    }
  }
  return found;
}

function referenceIn(key: string, inner: Json): string[] {
  if (key === 'Ref' && typeof inner === 'string') return [inner];
  if (key === 'Fn::GetAtt') {
    const [logicalId] = getAttParts(inner);
    return logicalId === undefined ? [] : [logicalId];
  }
  if (key === 'Fn::Sub') {
    const text = Array.isArray(inner) ? inner[0] : inner;
    if (typeof text !== 'string') return [];
    return [...text.matchAll(/\$\{([^!}][^}]*)\}/g)].map((match) => match[1]?.split('.')[0] ?? '');
  }
  return [];
}

/**
 * Replaces every intrinsic function in a value by what it stands for.
 *
 * @param path where the value sits in the template, for error messages, e.g. `Resources.Queue.Properties`
 * @throws {TemplateError} naming the path, for intrinsics and references that are unknown
 */
export function resolveValue(value: Json, path: string, scope: Scope): Json {
  if (typeof value === 'string') return checkedText(value, path);
  if (Array.isArray(value)) {
    return value
      .map((item, index) => resolveValue(item, `${path}.${index}`, scope))
      .filter((item) => item !== NO_VALUE);
  }
  if (!isObject(value)) return value;
  const [name, ...others] = Object.keys(value);
  if (name !== undefined && others.length === 0) {
    const argument = value[name];
    if (argument !== undefined && (name === 'Ref' || name === 'Condition' || name.startsWith('Fn::'))) {
      if (name === 'Condition' && typeof argument !== 'string') return resolveMembers(value, path, scope);
      return resolveIntrinsic(name, argument, `${path}.${name}`, scope);
    }
  }
  return resolveMembers(value, path, scope);
}

/** What `AWS::NoValue` gives: the property is left out. */
const NO_VALUE = '\u0000AWS::NoValue';

function resolveMembers(value: JsonObject, path: string, scope: Scope): JsonObject {
  const entries = Object.entries(value).map(
    ([key, inner]) => [key, resolveValue(inner, `${path}.${key}`, scope)] as const,
  );
  return Object.fromEntries(entries.filter(([, inner]) => inner !== NO_VALUE));
}

function checkedText(value: string, path: string): string {
  if (value.includes('{{resolve:')) {
    throw new TemplateError(`${path}: dynamic references ({{resolve:…}}) are not resolved locally`);
  }
  return value;
}

function resolveIntrinsic(name: string, argument: Json, path: string, scope: Scope): Json {
  if (name === 'Condition' && typeof argument === 'string') return conditionHolds(argument, scope);
  const intrinsic = INTRINSICS[name];
  if (intrinsic === undefined) throw new TemplateError(`${path}: ${name} is not known to the local stack`);
  return intrinsic(argument, path, scope);
}

type Intrinsic = (argument: Json, path: string, scope: Scope) => Json;

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  Ref: (argument, path, scope) => reference(text(argument, path), path, scope),
  'Fn::GetAtt': (argument, path, scope) => {
    const [logicalId, attribute] = getAttParts(argument);
    if (logicalId === undefined || attribute === undefined) throw malformed(path);
    return attributeOf(logicalId, attribute, path, scope);
  },
  'Fn::Join': (argument, path, scope) => {
    const [separator, parts] = list(argument, path);
    const resolved = list(resolveValue(parts ?? null, `${path}.1`, scope), path);
    return resolved.map((part) => text(part, path)).join(text(separator, path));
  },
  'Fn::Sub': (argument, path, scope) => substitute(argument, path, scope),
  'Fn::Select': (argument, path, scope) => {
    const [index, from] = list(argument, path);
    const choices = list(resolveValue(from ?? null, `${path}.1`, scope), path);
    const choice = choices[Number(resolveValue(index ?? null, `${path}.0`, scope))];
    if (choice === undefined) throw new TemplateError(`${path}: nothing at index ${JSON.stringify(index)}`);
    return choice;
  },
  'Fn::Split': (argument, path, scope) => {
    const [separator, source] = list(argument, path);
    return text(resolveValue(source ?? null, `${path}.1`, scope), path).split(text(separator, path));
  },
  'Fn::If': (argument, path, scope) => {
    const [condition, whenTrue, whenFalse] = list(argument, path);
    const holds = conditionHolds(text(condition, path), scope);
    return resolveValue((holds ? whenTrue : whenFalse) ?? null, `${path}.${holds ? 1 : 2}`, scope);
  },
  'Fn::FindInMap': (argument, path, scope) => {
    const keys = list(argument, path).map((key, index) => resolveValue(key, `${path}.${index}`, scope));
    const [map, first, second] = keys.map((key) => text(key, path));
    const found = objectAt(objectAt(objectAt(scope.template, 'Mappings'), map ?? ''), first ?? '')[
      second ?? ''
    ];
    if (found === undefined) throw new TemplateError(`${path}: no such mapping`);
    return found;
  },
  'Fn::Base64': (argument, path, scope) =>
    Buffer.from(text(resolveValue(argument, path, scope), path)).toString('base64'),
  'Fn::Equals': (argument, path, scope) => {
    const [left, right] = list(argument, path).map((side, i) => resolveValue(side, `${path}.${i}`, scope));
    return asText(left ?? null) === asText(right ?? null);
  },
  'Fn::Not': (argument, path, scope) => !truths(argument, path, scope).every(Boolean),
  'Fn::And': (argument, path, scope) => truths(argument, path, scope).every(Boolean),
  'Fn::Or': (argument, path, scope) => truths(argument, path, scope).some(Boolean),
};

function truths(argument: Json, path: string, scope: Scope): Json[] {
  return list(argument, path).map((item, index) => resolveValue(item, `${path}.${index}`, scope));
}

function reference(name: string, path: string, scope: Scope): Json {
  if (name === 'AWS::NoValue') return NO_VALUE;
  const pseudo = scope.pseudo[name];
  if (pseudo !== undefined) return pseudo;
  const provisioned = scope.provisioned(name);
  if (provisioned !== undefined) return provisioned.ref;
  const parameter = objectAt(objectAt(scope.template, 'Parameters'), name).Default;
  if (parameter !== undefined) return parameter;
  throw new TemplateError(`${path}: nothing is called ${name}`);
}

function attributeOf(logicalId: string, attribute: string, path: string, scope: Scope): Json {
  const provisioned = scope.provisioned(logicalId);
  if (provisioned === undefined) throw new TemplateError(`${path}: nothing is called ${logicalId}`);
  const value = provisioned.attributes[attribute];
  if (value === undefined) {
    throw new TemplateError(`${path}: the local stack knows no attribute ${attribute} of ${logicalId}`);
  }
  return value;
}

/** Logical id and attribute name of a `Fn::GetAtt`, in either spelling. */
function getAttParts(argument: Json): (string | undefined)[] {
  const parts = typeof argument === 'string' ? argument.split(/\.(.*)/s).slice(0, 2) : argument;
  if (!Array.isArray(parts)) return [];
  return parts.map((part: Json) => (typeof part === 'string' ? part : undefined));
}

function substitute(argument: Json, path: string, scope: Scope): string {
  const [pattern, variables] = Array.isArray(argument) ? argument : [argument];
  const own = isObject(variables) ? variables : {};
  return text(pattern, path).replace(/\$\{(!?)([^}]+)\}/g, (_whole, literal: string, name: string) => {
    if (literal === '!') return `\${${name}}`;
    const variable = own[name];
    if (variable !== undefined) return text(resolveValue(variable, `${path}.${name}`, scope), path);
    const [logicalId, attribute] = getAttParts(name);
    if (logicalId !== undefined && attribute !== undefined) {
      return text(attributeOf(logicalId, attribute, path, scope), path);
    }
    return text(reference(name, path, scope), path);
  });
}

function conditionHolds(name: string, scope: Scope): boolean {
  const condition = objectAt(scope.template, 'Conditions')[name];
  if (condition === undefined) throw new TemplateError(`Conditions.${name}: no such condition`);
  return resolveValue(condition, `Conditions.${name}`, scope) === true;
}

function list(value: Json, path: string): readonly Json[] {
  if (!Array.isArray(value)) throw malformed(path);
  return value;
}

function text(value: Json | undefined, path: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw malformed(path);
}

function malformed(path: string): TemplateError {
  return new TemplateError(`${path}: malformed intrinsic function`);
}
