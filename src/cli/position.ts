import type { LogPosition } from '../core/subscribe.js';
import { UsageError } from './exit-codes.js';

/** `1500`, or `1500@1` with the epoch. Throws `UsageError` that names the flag. */
export function logPositionFrom(value: string, flag: string): LogPosition {
  const [, position, epoch] = /^(\d{1,19})(?:@(\d{1,19}))?$/.exec(value) ?? [];
  if (position === undefined)
    throw new UsageError(`${flag} ${value} is no position: write 1500, or 1500@1 with the epoch`);
  return { position: BigInt(position), ...(epoch === undefined ? {} : { epoch: BigInt(epoch) }) };
}
