import { type CallOptions, patience } from '../core/call-options.js';
import { PositionNotReachedError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { Runtime } from '../core/runtime.js';
import type { LogPosition } from '../core/subscribe.js';
import { checkPosition, keptPosition } from './start.js';

const SHORTEST_PAUSE = 20;
const LONGEST_PAUSE = 200;
const DEFAULT_MILLISECONDS = 5000;

/** Who follows a log, and how far it must have come. */
export interface Awaited {
  readonly log: Pick<Log, 'head' | 'epochs'>;
  readonly runtime: Pick<Runtime, 'monotonic' | 'sleep'>;
  /** Where the follower is. */
  readonly position: () => Promise<LogPosition>;
  readonly minPosition: LogPosition;
}

/**
 * Waits until a follower has come to a position; gives where it is. Throws `PositionNotReachedError` shortly before the
 * caller's time is over, and what {@link checkPosition} throws, also where the position is lost meanwhile: what a follower
 * has read of a tail that the log lost does not count.
 */
export async function untilReached(
  { log, runtime, position, minPosition }: Awaited,
  { signal, timeoutMilliseconds = DEFAULT_MILLISECONDS }: CallOptions = {},
): Promise<LogPosition> {
  const deadline = runtime.monotonic() + patience(timeoutMilliseconds);
  await checkPosition(log, minPosition, signal);
  for (let pause = SHORTEST_PAUSE; ; pause = Math.min(LONGEST_PAUSE, pause * 2)) {
    const at = await position();
    const kept = at.position < minPosition.position ? at.position : await agreed(log, at, signal);
    const left = deadline - runtime.monotonic();
    if (kept >= minPosition.position || left <= 0) {
      await checkPosition(log, minPosition, signal);
      if (kept < minPosition.position) throw new PositionNotReachedError(minPosition.position, kept);
      return at;
    }
    await runtime.sleep(Math.min(pause, left), signal);
  }
}

async function agreed(log: Pick<Log, 'epochs'>, at: LogPosition, signal?: AbortSignal): Promise<bigint> {
  return at.epoch === undefined ? at.position : keptPosition(await log.epochs(signal), at);
}
