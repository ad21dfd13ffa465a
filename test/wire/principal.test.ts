import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANONYMOUS, type Principal } from '../../src/auth/principal.js';
import { fromPrincipalHeader, toPrincipalHeader } from '../../src/wire/principal.js';
import { violationsOf } from './violations.js';

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 10 })
  .filter((text) => !/\p{Cc}/u.test(text));
const principal: fc.Arbitrary<Principal & { readonly kind: 'USER' }> = fc.record({
  kind: fc.constant('USER' as const),
  id: name,
  bindings: fc.array(
    fc.record({ role: name, scope: name, resource: name }, { requiredKeys: ['role', 'scope'] }),
    {
      maxLength: 3,
    },
  ),
});

describe('the principal header', () => {
  it('comes out as it went in, in characters that a header may have', () => {
    fc.assert(
      fc.property(principal, (one) => {
        const header = toPrincipalHeader(one);
        expect(header).toMatch(/^[\x20-\x7e]*$/);
        expect(fromPrincipalHeader([header])).toEqual(one);
      }),
    );
  });

  it('is nobody in particular where it is not there', () => {
    expect(fromPrincipalHeader([])).toBe(ANONYMOUS);
  });

  it('needs no bindings', () => {
    expect(fromPrincipalHeader(['{"id":"ada"}'])).toEqual({ kind: 'USER', id: 'ada', bindings: [] });
  });

  it.each([
    ['no JSON', 'ada', ['headwater-principal']],
    ['no object', '"ada"', ['headwater-principal', 'headwater-principal.id']],
    ['no id', '{}', ['headwater-principal.id']],
    ['an empty id', '{"id":""}', ['headwater-principal.id']],
    ['an id that is no text', '{"id":7}', ['headwater-principal.id']],
    ['bindings that are no array', '{"id":"a","bindings":{}}', ['headwater-principal.bindings']],
    [
      'a binding without scope',
      '{"id":"a","bindings":[{"role":"r"}]}',
      ['headwater-principal.bindings[0].scope'],
    ],
    [
      'a misspelt resource',
      '{"id":"a","bindings":[{"role":"r","scope":"s","ressource":"7"}]}',
      ['headwater-principal.bindings[0]'],
    ],
    ['more than 4 KiB', JSON.stringify({ id: 'a'.repeat(4096) }), ['headwater-principal']],
  ])('with %s is refused', (_, header, fields) => {
    expect(violationsOf(() => fromPrincipalHeader([header]))).toEqual(fields);
  });

  it('given twice is refused', () => {
    expect(violationsOf(() => fromPrincipalHeader(['{"id":"a"}', '{"id":"b"}']))).toEqual([
      'headwater-principal',
    ]);
  });
});
