import type { LogPosition } from '../core/subscribe.js';

/** A position as followers keep it: without an epoch, or with 0 for one, where none is known. */
export function storedPosition(
  position: string | null | undefined,
  epoch: string | null | undefined,
): LogPosition {
  const at = BigInt(position ?? 0);
  return epoch && epoch !== '0' ? { position: at, epoch: BigInt(epoch) } : { position: at };
}
