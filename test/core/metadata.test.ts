import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  metadataBigint,
  metadataBoolean,
  metadataJson,
  metadataNumber,
  metadataOf,
} from '../../src/core/metadata.js';

describe('metadata out of values', () => {
  it('is text, with numbers, booleans and JSON written as such', () => {
    expect(
      metadataOf({ a: 'x', n: 1.5, big: 2n ** 64n, yes: true, list: [1], none: null, left: undefined }),
    ).toEqual({ a: 'x', n: '1.5', big: '18446744073709551616', yes: 'true', list: '[1]', none: 'null' });
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, () => 1, Symbol('x')])('refuses %s by name', (value) => {
    expect(() => metadataOf({ odd: value })).toThrow(/Metadata "odd" is .*, which JSON cannot say/);
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.bigInt(),
        fc.boolean(),
        fc.jsonValue(),
        (n, big, yes, json) => {
          const metadata = metadataOf({ n, big, yes, json: { json } });
          expect(metadataNumber(metadata, 'n')).toBe(n === 0 ? 0 : n);
          expect(metadataBigint(metadata, 'big')).toBe(big);
          expect(metadataBoolean(metadata, 'yes')).toBe(yes);
          expect(metadataJson(metadata, 'json')).toEqual(JSON.parse(JSON.stringify({ json })));
        },
      ),
    );
  });
});

describe('a value that is of another kind, or not there', () => {
  const metadata = {
    text: 'ada',
    hex: '0x10',
    empty: '',
    spaced: ' 1',
    huge: '1e999',
    fraction: '1.5',
    TRUE: 'TRUE',
  };
  it.each(['text', 'hex', 'empty', 'spaced', 'huge', 'missing', 'constructor', '__proto__'])(
    '%s is no number',
    (key) => {
      expect(metadataNumber(metadata, key)).toBeUndefined();
      expect(metadataBigint(metadata, key)).toBeUndefined();
    },
  );
  it('is undefined', () => {
    expect(metadataBigint(metadata, 'fraction')).toBeUndefined();
    expect(metadataBoolean(metadata, 'TRUE')).toBeUndefined();
    expect(metadataJson(metadata, 'text')).toBeUndefined();
    expect(metadataJson(metadata, 'toString')).toBeUndefined();
  });
});
