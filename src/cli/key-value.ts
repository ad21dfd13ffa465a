import { UsageError } from './exit-codes.js';

/** For commander: gathers a repeated option. */
export function many(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** The entries of a repeated `key=value`; everything behind the first `=` is the value. Throws `UsageError`. */
export function keyValues(entries: readonly string[], flag: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.indexOf('=');
      if (at < 1) throw new UsageError(`${flag} ${JSON.stringify(entry)} is no entry: write key=value`);
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
}
