import { InvalidRequestError } from '../../src/core/errors.js';

/** The fields that are refused, in order. */
export function violationsOf(run: () => unknown): string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.violations.map(({ field }) => field);
    throw error;
  }
  return [];
}
