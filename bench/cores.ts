import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { median } from './rounds.js';

const TURN_MILLISECONDS = 80;
const ROUNDS = 5;

/**
 * What a core does when all are busy, as a part of what it does alone: cores that are threads of one processor's core, or that
 * share caches and heat with others, do less. Undefined where there is one.
 */
export async function speedTogether(cores: number): Promise<number | undefined> {
  if (cores < 2) return undefined;
  const workers = Array.from(
    { length: cores },
    () => new Worker(fileURLToPath(new URL('./cores-thread.js', import.meta.url))),
  );
  const work = async (worker: Worker): Promise<number> => {
    const answer = once(worker, 'message') as Promise<[number]>;
    worker.postMessage(TURN_MILLISECONDS);
    return (await answer)[0];
  };
  const together = async () => {
    const done = await Promise.all(workers.map(work));
    return done.reduce((sum, one) => sum + one, 0) / cores;
  };
  try {
    // Until its code is compiled.
    await together();
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const [worker] = workers;
      if (worker === undefined) return undefined;
      const alone = await work(worker);
      ratios.push((await together()) / alone);
    }
    return Math.round(median(ratios) * 100) / 100;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
