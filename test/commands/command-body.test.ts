import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandBody } from '../../src/commands/command-body.js';
import type { Command } from '../../src/core/command.js';

const text = fc.string({ unit: 'grapheme', maxLength: 40 });
/** Also more than what bodies share has room for. */
const bytes = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 300 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 3900, maxLength: 4300, size: 'max' }) },
);
const command = fc.record(
  {
    commandType: text,
    aggregateId: text,
    data: fc.oneof(
      fc.record({ kind: fc.constant('JSON'), bytes }),
      fc.record({ kind: fc.constant('MESSAGE'), typeName: text, bytes }),
    ),
  },
  { requiredKeys: ['commandType', 'data'] },
) as fc.Arbitrary<Command>;

/** A length in four bytes, and the bytes. */
function part(content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.byteLength);
  return Buffer.concat([length, content]);
}

describe('the body of a command, whose hash is in the ledger', () => {
  it('is its parts in UTF-8, each with its length in front, for ever', () => {
    fc.assert(
      fc.property(command, (given) => {
        const { aggregateId = '', commandType, data } = given;
        const typeName = data.kind === 'JSON' ? '' : data.typeName;
        const texts = [commandType, aggregateId, typeName].map((one) => part(Buffer.from(one)));
        const expected = Buffer.concat([...texts, part(Buffer.from(data.bytes))]);
        expect(Buffer.from(commandBody(given)).equals(expected)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
