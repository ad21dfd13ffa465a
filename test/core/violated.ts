import { InvalidRequestError } from '../../src/core/errors.js';

/** The fields that the validation finds wrong, and how many it counts; `undefined` if it finds none. */
export function violated(validate: () => void): { count: number; fields: string[] } | undefined {
  try {
    validate();
    return undefined;
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    return { count: error.count, fields: error.violations.map(({ field }) => field) };
  }
}
