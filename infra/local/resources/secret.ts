import { randomInt } from 'node:crypto';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import * as v from 'valibot';
import { numeric, parseProperties, truth } from './parse.ts';
import { type Maker, physicalName, UnsupportedResource } from './world.ts';

const generate = v.object({
  PasswordLength: v.optional(numeric, 32),
  ExcludeCharacters: v.optional(v.string(), ''),
  ExcludePunctuation: v.optional(truth, false),
  ExcludeUppercase: v.optional(truth, false),
  ExcludeLowercase: v.optional(truth, false),
  ExcludeNumbers: v.optional(truth, false),
  IncludeSpace: v.optional(truth, false),
  SecretStringTemplate: v.optional(v.string()),
  GenerateStringKey: v.optional(v.string()),
});
const properties = v.object({
  Description: v.optional(v.string()),
  SecretString: v.optional(v.string()),
  GenerateSecretString: v.optional(generate),
});

/** AWS::SecretsManager::Secret, with the value that the template states or asks to be generated. */
export const makeSecret: Maker = async (resource, world) => {
  const wanted = parseProperties(properties, resource);
  const name = physicalName(resource, 'Name', world, 512);
  const value = wanted.SecretString ?? generated(wanted.GenerateSecretString ?? v.parse(generate, {}));
  const made = await world.clients.secretsManager.send(
    new CreateSecretCommand({
      Name: name,
      SecretString: value,
      ...(wanted.Description === undefined ? {} : { Description: wanted.Description }),
    }),
  );
  if (made.ARN === undefined) throw new UnsupportedResource(resource, 'the secret server gave no ARN');
  return { ref: made.ARN, attributes: { Id: made.ARN } };
};

function generated(wanted: v.InferOutput<typeof generate>): string {
  const password = randomPassword(wanted);
  if (wanted.SecretStringTemplate === undefined || wanted.GenerateStringKey === undefined) return password;
  const template = v.parse(v.record(v.string(), v.unknown()), JSON.parse(wanted.SecretStringTemplate));
  return JSON.stringify({ ...template, [wanted.GenerateStringKey]: password });
}

function randomPassword(wanted: v.InferOutput<typeof generate>): string {
  const alphabet = [
    wanted.ExcludeUppercase ? '' : 'ABCDEFGHIJKLMNOPQRSTUVWXYZ',
    wanted.ExcludeLowercase ? '' : 'abcdefghijklmnopqrstuvwxyz',
    wanted.ExcludeNumbers ? '' : '0123456789',
    wanted.ExcludePunctuation ? '' : '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~',
    wanted.IncludeSpace ? ' ' : '',
  ].join('');
  const allowed = alphabet.split('').filter((character) => !wanted.ExcludeCharacters.includes(character));
  return Array.from({ length: wanted.PasswordLength }, () => allowed[randomInt(allowed.length)]).join('');
}
