import type { LogPosition } from '../core/subscribe.js';

/** On the wire epoch 0 is unknown. */
export function toWireLogPosition({ position, epoch = 0n }: LogPosition): {
  position: bigint;
  epoch: bigint;
} {
  return { position, epoch };
}

export function fromWireLogPosition({
  position,
  epoch,
}: {
  readonly position: bigint;
  readonly epoch: bigint;
}): LogPosition {
  return { position, ...(epoch === 0n ? {} : { epoch }) };
}
