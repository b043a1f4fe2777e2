import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../../lambda/dashboard/attempts.ts';

describe('sourceOf', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8::1', '2001:db8:0:0::/64'],
    ['1::5:6:7:8:9:a', '1:0:5:6::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
    ['', 'unknown'],
  ])('counts %s as %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });

  it('counts every address of a network of 64 bits as one', () => {
    const group = fc.integer({ min: 1, max: 0xffff }).map((value) => value.toString(16));
    const groups = fc.tuple(group, group, group, group);
    fc.assert(
      fc.property(groups, groups, (network, host) => {
        const source = `${network.join(':')}::/64`;
        expect(sourceOf(`${network.join(':')}:${host.join(':')}`)).toBe(source);
        expect(sourceOf(`${network.join(':')}::${host[3]}`)).toBe(source);
      }),
    );
  });

  it('is a short text for any address', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV6(), fc.ipV4(), fc.string()), (address) => {
        expect(sourceOf(address)).toMatch(/^(?:unknown|[0-9.]{7,15}|[0-9a-f:]{9,21}\/64)$/);
      }),
    );
  });
});
