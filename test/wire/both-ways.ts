import fc from 'fast-check';

// To hold what is written and read by hand against the generated code.

/** Bytes with some of them changed, left out or put in. */
export function damaged(whole: Buffer, damage: readonly (readonly [number, number, number])[]): Buffer {
  let current = whole;
  for (const [where, kind, value] of damage) {
    const at = current.byteLength === 0 ? 0 : where % current.byteLength;
    const rest = current.subarray(kind === 2 ? at : at + 1);
    current = Buffer.concat([
      current.subarray(0, at),
      ...(kind === 1 ? [] : [Uint8Array.of(value)]),
      ...(kind === 3 ? [] : [rest]),
    ]);
  }
  return current;
}

/** What may happen to bytes. */
export const damage = fc.array(fc.tuple(fc.nat(), fc.nat(3), fc.nat(255)), { minLength: 1, maxLength: 3 });

/** What it gives, or that it throws: which of two faults in one message is found first is not looked at. */
export function outcomeOf<T>(decode: () => T): T | 'throws' {
  try {
    return decode();
  } catch {
    return 'throws';
  }
}

/** As text that tells a number from a bigint, and bytes by their values; in which order fields were set does not matter. */
export function shown(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one === 'bigint') return `${one}n`;
    if (one instanceof Error) return { error: one.message };
    if (typeof one !== 'object' || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
