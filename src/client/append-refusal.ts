import type { Refused } from '../core/append.js';
import {
  AppendConditionFailedError,
  type HeadwaterError,
  WrongExpectedVersionError,
} from '../core/errors.js';

/** The refusal as an error, for callers who did not ask to have it returned. */
export function refusalError({ conflicts, conditionFailedAt }: Refused): HeadwaterError {
  // Expected versions are looked at first, so a condition is only named where they hold.
  return conflicts.length === 0 && conditionFailedAt !== undefined
    ? new AppendConditionFailedError(conditionFailedAt)
    : new WrongExpectedVersionError(conflicts);
}

/** The refusal with the intervening events that were asked for, also where there are none, which the wire leaves out. */
export function withIntervening(refused: Refused): Refused {
  return { ...refused, intervening: refused.intervening ?? { events: [], truncated: false } };
}
