import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isUuid, readUuid, UUID_LENGTH, writeUuid } from '../../src/core/uuid-text.js';

describe('a UUID', () => {
  it('is known in both cases and in no other form', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(isUuid(id)).toBe(true);
        expect(isUuid(id.toUpperCase())).toBe(true);
        for (const other of [`{${id}}`, id.replaceAll('-', ''), `${id}0`, id.slice(1), `${id}\n`, ` ${id}`])
          expect(isUuid(other)).toBe(false);
      }),
    );
  });

  it('is no UUID with another character in any place', () => {
    const id = '0190abcd-ef00-7000-8000-0123456789ff';
    for (let place = 0; place < id.length; place++)
      for (const other of [
        'g',
        '/',
        ':',
        '@',
        'G',
        '`',
        ' ',
        '\0',
        'é',
        '\u{ff10}',
        id[place] === '-' ? '0' : '-',
      ])
        expect(isUuid(id.slice(0, place) + other + id.slice(place + 1))).toBe(false);
  });

  it('is read as the bytes that it is written from, in both cases', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(3), (bytes, to) => {
        const text = Buffer.alloc(UUID_LENGTH);
        writeUuid(bytes, 0, text, 0);
        for (const id of [text.toString('latin1'), text.toString('latin1').toUpperCase()]) {
          const read = new Uint8Array(20);
          readUuid(id, read, to);
          expect(read).toEqual(Uint8Array.from([...Array(to).fill(0), ...bytes, ...Array(4 - to).fill(0)]));
        }
      }),
    );
  });
});
