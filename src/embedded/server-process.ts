import { setTimeout as sleep } from 'node:timers/promises';
import type { DataFolder } from './data-folder.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { explainServerWords } from './file-errors.js';
import { cannotRun } from './initialise-cluster.js';
import { readPostmasterFile } from './postmaster-file.js';
import type { ServerLog } from './server-log.js';
import {
  type ProcessExit,
  startWatched,
  type WatchedProcess,
  type WatchedProcessOptions,
} from './watched-process.js';

export interface ServerProcessOptions extends Omit<WatchedProcessOptions, 'onOutput'> {
  readonly postgres: string;
  readonly arguments: readonly string[];
  readonly log: ServerLog;
  readonly timeoutMs: number;
}

/** How long a killed process may take to be gone, in milliseconds. */
const ENDING_MS = 5_000;

/**
 * Starts the server and resolves once it takes connections.
 *
 * Readiness is read from the last line of `postmaster.pid`, as `pg_ctl` does, so no driver is needed. When only the
 * postmaster of a former server was killed, its backends hold the shared memory for as long as their statements run:
 * that is waited for, within the same time.
 */
export async function startServer(
  folder: DataFolder,
  options: ServerProcessOptions,
): Promise<WatchedProcess> {
  const begun = Date.now();
  const deadline = begun + options.timeoutMs;
  for (;;) {
    const server = await startWatched(options.postgres, ['-D', folder.cluster, ...options.arguments], {
      ...options,
      onOutput: (chunk) => options.log.write(chunk),
    });
    const exit = await readyOrEnded(folder, server, deadline).catch(async (error: unknown) => {
      await endServer(server);
      throw error;
    });
    if (exit === undefined) return server;
    const words = options.log.tail();
    const held = /shared memory block .* is still in use/.test(words) && Date.now() <= deadline;
    // A server that was killed just now may be about to end; one that lives was stopped before.
    const ending = /lock file "postmaster.pid" already exists/.test(words) && Date.now() <= begun + ENDING_MS;
    if (!held && !ending) {
      throw startFailed(folder, words, exit);
    }
    await sleep(100);
  }
}

/** Ends the server: first politely (fast shutdown), then without a checkpoint, at last by force. */
export async function endServer(server: WatchedProcess): Promise<void> {
  server.hold(true);
  for (const [signal, patienceMs] of shutdownSteps) {
    server.kill(signal);
    const patience = new AbortController();
    const ended = await Promise.race([
      server.exited.then(() => true),
      sleep(patienceMs, false, { signal: patience.signal }).catch(() => false),
    ]);
    patience.abort();
    if (ended) return;
  }
  await server.exited;
}

const shutdownSteps: readonly (readonly [NodeJS.Signals, number])[] = [
  ['SIGINT', 15_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
];

async function readyOrEnded(
  folder: DataFolder,
  server: WatchedProcess,
  deadline: number,
): Promise<ProcessExit | undefined> {
  let exit: ProcessExit | undefined;
  void server.exited.then((found) => {
    exit = found;
  });
  while (exit === undefined) {
    const file = await readPostmasterFile(folder.cluster);
    // A file that a killed server left behind says ready too, but not in this one's name.
    if (file?.pid === server.pid && file.ready) return undefined;
    if (Date.now() > deadline) {
      throw new EmbeddedPostgresError(
        'START_TIMED_OUT',
        `Postgres in ${folder.root} was not ready in time and was stopped: allow it more time with startTimeoutMs, and see ${folder.log}`,
      );
    }
    await sleep(10);
  }
  return exit;
}

function startFailed(
  folder: DataFolder,
  words: string,
  { code, signal }: ProcessExit,
): EmbeddedPostgresError {
  const known = explainServerWords(folder.root, words);
  if (known !== undefined) return known;
  if (code === 126 || code === 127) return cannotRun(words);
  return new EmbeddedPostgresError(
    'START_FAILED',
    `Postgres in ${folder.root} ended with ${code ?? signal} before it was ready (${words}): see ${folder.log}`,
  );
}
