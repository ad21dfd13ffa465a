import type { Refused } from './append.js';
import { AppendConditionFailedError, type HeadwaterError, WrongExpectedVersionError } from './errors.js';

/** The error that says the same as the refusal, for callers who asked for errors. */
export function refusalError({ conflicts, conditionFailedAt }: Refused): HeadwaterError {
  return conditionFailedAt === undefined
    ? new WrongExpectedVersionError(conflicts)
    : new AppendConditionFailedError(conditionFailedAt);
}
