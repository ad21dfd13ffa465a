import { LogEpochChangedError, PositionUnknownError } from '../core/errors.js';
import type { Epoch, Log } from '../core/log.js';
import type { LogPosition, SubscribeStart } from '../core/subscribe.js';

/** The position behind which the subscription begins. Throws if it is not, or no longer, one of this log. */
export async function startPosition(log: Log, start: SubscribeStart, signal?: AbortSignal): Promise<bigint> {
  switch (start.kind) {
    case 'BEGINNING':
      return 0n;
    case 'END':
      return (await log.head(signal)).position;
    case 'TIME':
      return log.positionBefore(start.time, signal);
    case 'AFTER':
      await checkPosition(log, start.after, signal);
      return start.after.position;
  }
}

/**
 * A position of epoch e is good if it is at most the beginning of every later epoch, and not above the head; so a
 * fail-over that lost nothing, and a full restore, keep the followers' positions.
 */
export async function checkPosition(
  log: Pick<Log, 'head' | 'epochs'>,
  after: LogPosition,
  signal?: AbortSignal,
): Promise<void> {
  const { position } = after;
  const epoch = after.epoch ?? 0n;
  // The head first: what the epochs tell is then at least as new, so that a head which a fail-over threw back is never
  // compared with the epochs of before.
  const head = await log.head(signal);
  if (epoch !== 0n) {
    const epochs = await log.epochs(signal);
    if (!epochs.some((known) => known.epoch === epoch))
      throw new PositionUnknownError(position, epoch, head.position);
    const kept = keptPosition(epochs, after);
    if (kept < position) throw new LogEpochChangedError(position, epoch, kept, epochs.at(-1)?.epoch ?? epoch);
  }
  if (position > head.position) throw new PositionUnknownError(position, epoch, head.position);
}

/** How much of what was read up to a position is still in the log: up to there it agrees with the epoch of the position. */
export function keptPosition(epochs: readonly Epoch[], { position, epoch = 0n }: LogPosition): bigint {
  let kept = position;
  if (epoch === 0n) return kept;
  for (const later of epochs)
    if (later.epoch > epoch && later.startedAfterPosition < kept) kept = later.startedAfterPosition;
  return kept;
}
