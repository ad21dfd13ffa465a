/**
 * Keeps as many calls under way as there are workers, each beginning its next when its last has ended, for so long.
 * What `work` returns is added up; the answer is that sum a second, the calls still under way at the end included.
 */
export async function keepInFlight<Worker>(
  workers: readonly Worker[],
  milliseconds: number,
  work: (worker: Worker) => Promise<number>,
): Promise<number> {
  const began = performance.now();
  const until = began + milliseconds;
  let done = 0;
  await Promise.all(
    workers.map(async (worker) => {
      while (performance.now() < until) {
        // Not `done += await …`, which would add to the sum as it was before the wait.
        const count = await work(worker);
        done += count;
      }
    }),
  );
  return (done * 1000) / (performance.now() - began);
}
