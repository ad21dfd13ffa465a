import { describe, expect, it } from 'vitest';
import { InvalidRequestError } from '../../src/core/errors.js';
import { quoted, schemaOf } from '../../src/projections/read-model-names.js';
import { defineReadModel } from '../../src/projections/read-model-projector.js';

function withSchema(schema: string) {
  return () => defineReadModel({ name: 'balances', schema, init: () => Promise.resolve(), on: {} });
}

describe('the schema of a read model', () => {
  it('leaves room for the number of any generation', () => {
    expect(withSchema('a'.repeat(40))).not.toThrow();
    expect(withSchema('a'.repeat(41))).toThrow('schema: is 41 bytes long, the limit is 40');
    expect(withSchema('ä'.repeat(21))).toThrow('schema: is 42 bytes long, the limit is 40');
    expect(schemaOf('a'.repeat(40), 2n ** 63n - 1n).length).toBeLessThanOrEqual(63);
  });

  it('is none that belongs to others', () => {
    for (const name of ['', 'public', 'information_schema', 'pg_toast', 'PG_x', 'a\u0000b'])
      expect(withSchema(name)).toThrow(InvalidRequestError);
  });

  it('may have any character', () => {
    expect(withSchema('My "own" schema')).not.toThrow();
    expect(quoted('My "own" schema')).toBe('"My ""own"" schema"');
  });
});
