import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type Json, type JsonObject, objectAt } from '../json.ts';

/** One stack of a cloud assembly (what `cdk synth` writes). */
export interface AssembledStack {
  readonly name: string;
  readonly template: JsonObject;
  /** The directory of a file asset, by the S3 key that the template names it with. */
  readonly assetDirectory: (objectKey: string) => string | undefined;
}

/** The assembly is no assembly, or none that the local stack can choose from. */
export class AssemblyError extends Error {
  override readonly name = 'AssemblyError';
}

/**
 * Reads a stack out of a cloud assembly.
 *
 * @param directory where `manifest.json` is, usually `cdk.out`
 * @param stackName which stack, when there are several
 * @throws {AssemblyError} when there is no such stack
 */
export function readAssembly(directory: string, stackName?: string): AssembledStack {
  const artifacts = Object.entries(objectAt(readJson(join(directory, 'manifest.json')), 'artifacts'));
  const stacks = artifacts.filter(([, artifact]) => typeOf(artifact) === 'aws:cloudformation:stack');
  const chosen = stacks.filter(
    ([id, artifact]) => stackName === undefined || nameOf(id, artifact) === stackName,
  );
  const [first, ...others] = chosen;
  if (first === undefined || others.length > 0) {
    const names = stacks.map(([id, artifact]) => nameOf(id, artifact)).join(', ');
    throw new AssemblyError(`${directory}: expected one stack ${stackName ?? ''}, found ${names || 'none'}`);
  }
  const [id, artifact] = first;
  const templateFile = objectAt(artifact, 'properties').templateFile;
  if (typeof templateFile !== 'string') throw new AssemblyError(`${directory}: stack ${id} has no template`);
  const assets = assetDirectories(
    directory,
    artifacts.map(([, other]) => other),
  );
  return {
    name: nameOf(id, artifact),
    template: readJson(join(directory, templateFile)),
    assetDirectory: (objectKey) => assets.get(objectKey),
  };
}

function assetDirectories(directory: string, artifacts: readonly Json[]): Map<string, string> {
  const assets = artifacts
    .filter((artifact) => typeOf(artifact) === 'cdk:asset-manifest')
    .map((artifact) => objectAt(artifact, 'properties').file)
    .filter((file) => typeof file === 'string')
    .flatMap((file) => Object.values(objectAt(readJson(join(directory, file)), 'files')));
  const found = new Map<string, string>();
  for (const asset of assets) {
    const path = objectAt(asset, 'source').path;
    if (typeof path !== 'string') continue;
    for (const key of objectKeysOf(asset)) found.set(key, join(directory, path));
  }
  return found;
}

function objectKeysOf(asset: Json): string[] {
  return Object.values(objectAt(asset, 'destinations'))
    .map((destination) => (isObject(destination) ? destination.objectKey : undefined))
    .filter((key) => typeof key === 'string');
}

function readJson(path: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new AssemblyError(`${path} cannot be read as JSON: is it a cloud assembly?`, { cause });
  }
  if (!isObject(parsed)) throw new AssemblyError(`${path} holds no object`);
  return parsed;
}

function typeOf(artifact: Json): Json | undefined {
  return isObject(artifact) ? artifact.type : undefined;
}

function nameOf(id: string, artifact: Json): string {
  const name = objectAt(artifact, 'properties').stackName;
  return typeof name === 'string' ? name : id;
}
