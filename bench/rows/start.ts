import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbeddedPostgres } from '../../src/embedded/index.js';
import { takeTurns } from '../rounds.js';
import { compare, type Measurement } from '../row.js';
import { startServed } from '../served-process.js';

const FIRST_MILLISECONDS = 5_000;
const AGAIN_MILLISECONDS = 2_000;

/** From the start of the process until health is answered: on an empty folder, and again on the same. */
export const start: Measurement = {
  id: 'S9',
  about: 'from the start of serve until health is answered, beside what was promised and Postgres alone',
  async measure(_, { startRounds }) {
    const scratch = await mkdtemp(path.join(tmpdir(), 'headwater-bench-start-'));
    let folders = 0;
    const newFolder = async () => {
      const folder = path.join(scratch, String(folders++));
      await mkdir(folder);
      return folder;
    };
    const serve = async (folder: string) => {
      const served = await startServed(folder);
      await served.stop();
      return served.milliseconds;
    };
    const postgres = async (folder: string) => {
      const began = performance.now();
      const server = await startEmbeddedPostgres({ dataDirectory: folder });
      const milliseconds = performance.now() - began;
      await server.stop();
      return milliseconds;
    };
    try {
      let [served, bare] = ['', ''];
      const results = await takeTurns({ rounds: startRounds, warmUp: false }, [
        async () => serve((served = await newFolder())),
        () => serve(served),
        async () => postgres((bare = await newFolder())),
        () => postgres(bare),
        () => Promise.resolve(FIRST_MILLISECONDS),
        () => Promise.resolve(AGAIN_MILLISECONDS),
      ]);
      return ['the first time, initdb included', 'again'].flatMap((when, ours) =>
        [
          { floor: 4, what: 'what was promised', target: 1 },
          { floor: 2, what: 'Postgres alone, from a process that runs' },
        ].map(({ floor, what, ...target }) =>
          compare(
            results,
            { ours, floor: floor + ours },
            {
              id: 'S9',
              what: `from the start of serve until health is answered, ${when}`,
              unit: 'ms',
              floor: what,
              ...target,
            },
          ),
        ),
      );
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  },
};
