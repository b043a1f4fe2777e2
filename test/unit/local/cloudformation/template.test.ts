import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  referencesOf,
  resolveValue,
  resourcesOf,
  type Scope,
  TemplateError,
} from '../../../../infra/local/cloudformation/template.ts';
import type { Json, JsonObject } from '../../../../infra/local/json.ts';

const QUEUE = { ref: 'http://queue', attributes: { Arn: 'arn:queue', 'Nested.Name': 'inner' } };

function scope(template: JsonObject = {}): Scope {
  return {
    template,
    pseudo: { 'AWS::Region': 'us-east-1', 'AWS::Partition': 'aws' },
    provisioned: (logicalId) => (logicalId === 'Queue' ? QUEUE : undefined),
  };
}

const resolve = (value: Json, template?: JsonObject) => resolveValue(value, 'Resources.X', scope(template));

describe('resolveValue', () => {
  const conditions = { Conditions: { Yes: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'us-east-1'] } } };

  it.each<[string, Json, Json, JsonObject?]>([
    ['Ref of a resource', { Ref: 'Queue' }, 'http://queue'],
    ['Ref of a pseudo parameter', { Ref: 'AWS::Region' }, 'us-east-1'],
    ['Ref of a parameter', { Ref: 'P' }, 'given', { Parameters: { P: { Default: 'given' } } }],
    ['GetAtt', { 'Fn::GetAtt': ['Queue', 'Arn'] }, 'arn:queue'],
    ['GetAtt as text', { 'Fn::GetAtt': 'Queue.Nested.Name' }, 'inner'],
    ['Join', { 'Fn::Join': ['/', ['a', { Ref: 'AWS::Region' }, 1]] }, 'a/us-east-1/1'],
    [
      'Sub',
      { 'Fn::Sub': placeholders('<AWS::Region>-<Queue.Arn>-<!Literal>') },
      placeholders('us-east-1-arn:queue-<Literal>'),
    ],
    [
      'Sub with variables',
      { 'Fn::Sub': [placeholders('<a>-<Queue>'), { a: { Ref: 'AWS::Partition' } }] },
      'aws-http://queue',
    ],
    [
      'Select of Split',
      { 'Fn::Select': [1, { 'Fn::Split': [':', { 'Fn::GetAtt': ['Queue', 'Arn'] }] }] },
      'queue',
    ],
    ['If', { 'Fn::If': ['Yes', 'then', { Ref: 'Nowhere' }] }, 'then', conditions],
    [
      'Not, And, Or',
      { 'Fn::Not': [{ 'Fn::And': [{ Condition: 'Yes' }, { 'Fn::Or': [false, true] }] }] },
      false,
      conditions,
    ],
    [
      'FindInMap',
      { 'Fn::FindInMap': ['M', { Ref: 'AWS::Region' }, 'k'] },
      7,
      { Mappings: { M: { 'us-east-1': { k: 7 } } } },
    ],
    ['Base64', { 'Fn::Base64': 'hello' }, 'aGVsbG8='],
    ['deep inside', { a: [{ b: { Ref: 'Queue' } }] }, { a: [{ b: 'http://queue' }] }],
  ])('resolves %s', (_name, value, expected, template) => {
    expect(resolve(value, template)).toEqual(expected);
  });

  it('omits values of AWS::NoValue', () => {
    const value = { kept: 1, gone: { Ref: 'AWS::NoValue' }, list: [{ Ref: 'AWS::NoValue' }, 2] };
    expect(resolve(value)).toEqual({ kept: 1, list: [2] });
  });

  it.each<[string, Json, string]>([
    ['an unknown intrinsic', { a: { 'Fn::Cidr': ['x'] } }, 'Resources.X.a.Fn::Cidr: Fn::Cidr is not known'],
    ['an unknown reference', { Ref: 'Nowhere' }, 'Resources.X.Ref: nothing is called Nowhere'],
    ['an unknown attribute', { 'Fn::GetAtt': ['Queue', 'Depth'] }, 'knows no attribute Depth of Queue'],
    ['an unknown condition', { 'Fn::If': ['Maybe', 1, 2] }, 'Conditions.Maybe: no such condition'],
    ['a dynamic reference', '{{resolve:ssm:x}}', 'dynamic references'],
    ['a malformed function', { 'Fn::Join': 'x' }, 'malformed'],
  ])('reports the path of %s', (_name, value, message) => {
    expect(() => resolve(value)).toThrow(TemplateError);
    expect(() => resolve(value)).toThrow(message);
  });

  it('leaves every value without intrinsic functions unchanged', () => {
    const plain = fc
      .jsonValue()
      .filter((value) => !/"(Ref|Condition|Fn::)|\{\{resolve:/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(plain, (value) => {
        expect(resolve(asJson(value))).toEqual(asJson(value));
      }),
    );
  });

  it('throws only TemplateError, for any arguments', () => {
    const names = fc.constantFrom(
      'Ref',
      'Fn::Sub',
      'Fn::GetAtt',
      'Fn::Join',
      'Fn::Select',
      'Fn::If',
      'Fn::Split',
    );
    fc.assert(
      fc.property(names, fc.jsonValue(), (name, argument) => {
        try {
          resolve(asJson({ [name]: argument }));
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
        }
      }),
    );
  });
});

describe('referencesOf', () => {
  it('finds references in every notation', () => {
    const value = {
      a: { Ref: 'One' },
      b: [{ 'Fn::GetAtt': ['Two', 'Arn'] }, { 'Fn::GetAtt': 'Three.Arn' }],
      c: { 'Fn::Sub': placeholders('<Four.Arn> <Five> <!Not>') },
    };
    expect([...referencesOf(value)]).toEqual(['One', 'Two', 'Three', 'Four', 'Five']);
  });
});

describe('resourcesOf', () => {
  it('returns the resources whose condition is true', () => {
    const template = {
      Conditions: { Never: { 'Fn::Equals': ['a', 'b'] } },
      Resources: { A: { Type: 'T' }, B: { Type: 'T', Condition: 'Never' } },
    };
    expect(resourcesOf(scope(template)).map((resource) => resource.logicalId)).toEqual(['A']);
  });
});

/** Placeholders as `Fn::Sub` has them, written `<name>` here: the linter takes them for a forgotten template string. */
function placeholders(text: string): string {
  return text.replaceAll('<', '${').replaceAll('>', '}');
}

function asJson(value: unknown): Json {
  const copy: Json = JSON.parse(JSON.stringify(value));
  return copy;
}
