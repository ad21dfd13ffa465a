import { sqlstateOf } from './sqlstate.js';

/** Undefined schema, table and function. */
const UNDEFINED = new Set(['3F000', '42P01', '42883']);

/**
 * Whether the error is what a statement fails with whose schema was dropped. It may also be a mistake of ours, so it is a
 * reason to look whether the schema is there.
 */
export function mayBeGone(error: unknown): boolean {
  const code = sqlstateOf(error);
  if (code === undefined) return false;
  // A statement that waited for the lock of a table which then was dropped.
  if (code === 'XX000' && error instanceof Error)
    return /could not open relation|cache lookup failed/.test(error.message);
  return UNDEFINED.has(code);
}
