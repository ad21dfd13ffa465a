import { ProjectionConflictError } from '../core/follower-errors.js';
import type { GenerationWork } from './projection-work.js';
import { textOf } from './runner-backoff.js';
import type { GenerationRunner } from './runner-generation.js';

/** So long another runner may be kept from going on with the live generation, in milliseconds. */
const CATCH_UP_MS = 3_000;

/**
 * Has a generation that has caught up take the live one's place, or compares the two if it has to wait for that. The live
 * one stands still meanwhile if the same runner has it; otherwise whoever promotes sees to it that it is not ahead.
 *
 * @returns whether it is the live one now
 */
export async function swapIn(building: GenerationRunner, work: GenerationWork): Promise<boolean> {
  const swap = building.orders?.swap ?? false;
  if (!swap && (building.comparison !== undefined || work.compare === undefined)) return false;
  const live = building.parts.live();
  const hold = live?.hold(building.position?.position ?? 0n, () => building.wake());
  try {
    while (hold && !hold.arrived) {
      if (!building.mayGoOn) return false;
      await building.sleep(100);
    }
    const together = await catchUp(building, work, hold?.position);
    if (together === undefined) return false;
    if (!swap) {
      building.comparison = together ? await compared(work, building.signal) : '';
      building.changed();
      return false;
    }
    return await promoted(building, work);
  } finally {
    hold?.release();
  }
}

/** Comes to where the live one stands. Whether both stand there; `undefined` if this one cannot. */
async function catchUp(
  building: GenerationRunner,
  work: GenerationWork,
  live: bigint | undefined,
  inTime: () => boolean = () => true,
): Promise<boolean | undefined> {
  if (live === undefined) return false;
  while ((building.position?.position ?? 0n) < live) {
    if (!(await building.handleSome(work, live))) await building.sleep(50);
    if (!building.mayGoOn || !inTime()) return undefined;
  }
  return building.position?.position === live;
}

async function compared(work: GenerationWork, signal: AbortSignal): Promise<string> {
  try {
    return (await work.compare?.(signal)) ?? '';
  } catch (error) {
    signal.throwIfAborted();
    return `They could not be compared: ${textOf(error)}`;
  }
}

async function promoted(building: GenerationRunner, work: GenerationWork): Promise<boolean> {
  const { leases, lease } = building.parts;
  const { runtime } = building.parts;
  const catchUpTo = async (to: bigint) => {
    const until = runtime.monotonic() + CATCH_UP_MS;
    return (await catchUp(building, work, to, () => runtime.monotonic() < until)) !== undefined;
  };
  if (work.promote && !(await work.promote(building.signal, catchUpTo))) return false;
  try {
    await leases.promote(lease, { signal: building.signal });
  } catch (error) {
    // The live one is ahead, and somebody else has it. What has promoted itself tells the service with the next acquisition.
    if (!(error instanceof ProjectionConflictError)) {
      building.parts.onAcquire();
      throw error;
    }
    return work.promote !== undefined;
  }
  return true;
}
