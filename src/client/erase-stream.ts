import { DeadlineExceededError } from '../core/errors.js';
import type { StreamChangeRequest, StreamChanged } from '../core/stream-changes.js';
import type { StreamInfo } from '../core/stream.js';

/** How often the erasure of a stream is asked for. */
export interface PatientErasure {
  /** Asks once, within the time of one call, always with the same event id. */
  readonly erase: () => Promise<StreamChanged>;
  readonly getStream: () => Promise<StreamInfo>;
  readonly monotonic: () => number;
  /** Milliseconds for all of it. */
  readonly eraseTimeoutMs: number;
}

/**
 * Waits for an erasure that takes longer than a call may: asks again for as long as there is less left to be emptied each
 * time. Else fails with `DeadlineExceededError`, which says so where the erasure is recorded: the service goes on with it.
 */
export async function eraseStream(
  { stream, eventId }: StreamChangeRequest,
  { erase, getStream, monotonic, eraseTimeoutMs }: PatientErasure,
): Promise<StreamChanged> {
  const begun = monotonic();
  let before: bigint | undefined;
  for (;;) {
    try {
      return await erase();
    } catch (error) {
      if (!(error instanceof DeadlineExceededError)) throw error;
      const { erasing } = await getStream();
      // Not recorded yet, or by now all done.
      if (erasing === 0n && before === undefined) throw error;
      if ((before !== undefined && erasing >= before) || monotonic() - begun > eraseTimeoutMs)
        throw new DeadlineExceededError(
          `The erasure of ${stream.aggregateType} ${stream.aggregateId} is under way, ${erasing} versions are still to be ` +
            `emptied, and the service goes on by itself; the same call with event id ${eventId} waits for it`,
          { cause: error, outcome: 'UNKNOWN' },
        );
      before = erasing;
    }
  }
}
