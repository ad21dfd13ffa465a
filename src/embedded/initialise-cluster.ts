import { chown, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type DataFolder, unfinishedPrefix } from './data-folder.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { explainServerWords } from './file-errors.js';
import { requireUserName } from './run-user.js';
import type { ServerLog } from './server-log.js';
import { startWatched, type WatchedProcessOptions } from './watched-process.js';

/** Name of the database superuser; there is no password, the socket's folder is the lock. */
export const superuser = 'headwater';

export interface InitialiseOptions extends Omit<WatchedProcessOptions, 'onOutput'> {
  readonly initdb: string;
  readonly log: ServerLog;
}

/**
 * Makes a new cluster, wholly or not at all: `initdb` fills a folder beside its place, which is then renamed.
 *
 * Text sorts by code point everywhere (C.UTF-8), so that an index outlives an upgrade of the system's collations.
 */
export async function initialiseCluster(folder: DataFolder, options: InitialiseOptions): Promise<void> {
  await clearUnfinished(folder);
  const { launcher, log } = options;
  if (launcher.user === undefined) requireUserName();
  const unfinished = join(folder.root, `${unfinishedPrefix}${randomUUID()}`);
  await mkdir(unfinished, { mode: 0o700 });
  try {
    if (launcher.user !== undefined) await chown(unfinished, launcher.user.uid, launcher.user.gid);
    const args = ['-D', unfinished, '-U', superuser, '--auth-local=trust', '--auth-host=reject'];
    args.push('--encoding=UTF8', '--locale=C.UTF-8', '--no-instructions');
    const initdb = await startWatched(options.initdb, args, {
      ...options,
      onOutput: (chunk) => log.write(chunk),
    });
    const { code, signal } = await initdb.exited;
    if (code !== 0) throw initdbFailed(folder.root, log.tail(), code, signal);
    await rename(unfinished, folder.cluster);
    await syncFolder(folder.root);
  } catch (error) {
    await rm(unfinished, { recursive: true, force: true });
    throw error;
  }
}

/** What a start that was killed half way left; one that is being removed by somebody else as well is left to them. */
async function clearUnfinished(folder: DataFolder): Promise<void> {
  for (const name of await readdir(folder.root)) {
    if (!name.startsWith(unfinishedPrefix)) continue;
    await rm(join(folder.root, name), { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Without it the rename itself might not outlive a power cut, though all that it moved would. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function initdbFailed(
  root: string,
  words: string,
  code: number | null,
  signal: NodeJS.Signals | null,
): EmbeddedPostgresError {
  const known = explainServerWords(root, words);
  if (known !== undefined) return known;
  if (code === 126 || code === 127) return cannotRun(words);
  return new EmbeddedPostgresError(
    'INITDB_FAILED',
    `Could not make a new database in ${root}, initdb ended with ${code ?? signal} (${words}): nothing was kept, mend the cause and start again, or set DATABASE_URL`,
  );
}

/** The shell's codes for a program that it cannot start: mostly a C library that is not glibc. */
export function cannotRun(words: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'NOT_SUPPORTED',
    `The packaged Postgres cannot run on this system (${words}), which may lack glibc: set DATABASE_URL to a Postgres of your own`,
  );
}
