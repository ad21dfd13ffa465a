import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, it } from 'vitest';
import { busiestFiles } from '../../src/tour/busiest-files.js';
import { syntheticHistory } from '../support/git-repository.js';
import { openTestStore } from '../support/test-database.js';
import { importInto, Repositories } from './imported.js';

const COMMITS = 20_000;
const MEBIBYTE = 1024 * 1024;

const repositories = new Repositories('long-history');
afterAll(() => repositories.remove());

describe('a history of 20,000 commits', () => {
  it('is imported while the heap does not grow with it, then found to be there in a moment', async () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    const heap = (): number => {
      if (typeof collect === 'function') collect();
      return process.memoryUsage().heapUsed;
    };
    const repository = await repositories.make(syntheticHistory({ commits: COMMITS, seed: 31 }));
    const test = await openTestStore();
    const { store } = test;

    const heaps: number[] = [];
    let next = 2000;
    const summary = await importInto(store, repository, {
      onProgress: ({ commitsDone }) => {
        if (commitsDone < next) return;
        heaps.push(heap());
        next += 2000;
      },
    });
    expect(summary).toMatchObject({ commitsTotal: COMMITS, commitsDone: COMMITS, commitsAdded: COMMITS });
    expect(heaps).toHaveLength(10);
    // Some 5,000 paths, at some 150 bytes each, and what the collector leaves.
    expect(Math.max(...heaps) - Math.min(...heaps)).toBeLessThan(16 * MEBIBYTE);

    const again = await importInto(store, repository);
    expect(again).toMatchObject({ commitsDone: COMMITS, commitsAdded: 0, eventsAppended: 0 });
    expect(again.elapsedMilliseconds).toBeLessThan(summary.elapsedMilliseconds / 4);

    const before = heap();
    const busiest = await busiestFiles({ store, key: summary.key });
    expect(busiest.eventsRead).toBe(summary.eventsAppended);
    expect(heap() - before).toBeLessThan(16 * MEBIBYTE);
    await test.close();
  }, 120_000);
});
