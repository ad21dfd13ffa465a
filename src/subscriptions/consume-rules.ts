import type { Violations } from '../core/validate.js';

export const HOUR_MS = 3_600_000;

/** Adds what is wrong with an option that is a whole number. */
export function wholeNumber(
  value: number,
  { from, to }: { readonly from: number; readonly to: number },
  field: string,
  violations: Violations,
): void {
  if (!Number.isInteger(value) || value < from || value > to)
    violations.add(field, `is ${value}, it must be a whole number from ${from} to ${to}`);
}
