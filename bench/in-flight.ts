/** Milliseconds at the beginning of a turn that do not count, … */
const LEAD_IN_MS = 200;
/** … and no more than so much of a short turn. */
const LEAD_IN_PART = 0.25;

/** Milliseconds at the beginning of a turn of so many that do not count. */
export function leadInOf(milliseconds: number): number {
  return Math.min(LEAD_IN_MS, milliseconds * LEAD_IN_PART);
}

/**
 * Keeps as many calls under way as there are workers, each beginning its next when its last has ended, for so long.
 * What `work` returns is added up; the answer is that sum a second, the calls still under way at the end included.
 *
 * @param leadIn milliseconds of the same before the time that counts: who has rested while others had their turns comes back to
 * cold caches, and a rate is of what goes on and on
 */
export async function keepInFlight<Worker>(
  workers: readonly Worker[],
  milliseconds: number,
  work: (worker: Worker) => Promise<number>,
  leadIn: number = leadInOf(milliseconds),
): Promise<number> {
  const began = performance.now() + leadIn;
  const until = began + milliseconds;
  let done = 0;
  await Promise.all(
    workers.map(async (worker) => {
      while (performance.now() < until) {
        // Not `done += await …`, which would add to the sum as it was before the wait.
        const count = await work(worker);
        if (performance.now() >= began) done += count;
      }
    }),
  );
  return (done * 1000) / (performance.now() - began);
}
