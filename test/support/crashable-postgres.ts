import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded/index.js';
import { childrenOf, killNow } from './processes.js';

/** A whole Postgres of one's own that can be killed with all its children and comes back on the same folder. */
export interface CrashablePostgres {
  /** Stays the same over crashes. */
  readonly url: string;
  readonly connection: EmbeddedPostgres['connection'];
  readonly serverVersion: string;
  /** kill -9 of the postmaster and every backend at once; resolves when nothing of it runs. */
  kill(): Promise<void>;
  /** Starts it again and resolves when it has recovered. */
  restart(): Promise<void>;
  /** Stops it and removes its folder. */
  close(): Promise<void>;
}

export async function startCrashablePostgres(
  settings: Readonly<Record<string, string>> = {},
): Promise<CrashablePostgres> {
  const scratch = path.resolve(import.meta.dirname, '../../.headwater-test');
  await mkdir(scratch, { recursive: true });
  const dataDirectory = await mkdtemp(path.join(scratch, 'trust-'));
  let running = await startEmbeddedPostgres({ dataDirectory, settings });
  // In a checkout with a very long path each start has its socket in another folder; then a link gives it one name.
  const alias = running.socketDirectory.startsWith(dataDirectory)
    ? undefined
    : path.join(await mkdtemp(path.join(tmpdir(), 'hw-')), 's');
  if (alias !== undefined) await symlink(running.socketDirectory, alias);
  const host = alias ?? running.socketDirectory;
  const connection = { ...running.connection, host };
  const { user, port, database } = connection;
  return {
    url: `postgres://${user}@localhost/${database}?host=${encodeURIComponent(host)}&port=${port}`,
    connection,
    serverVersion: running.serverVersion,
    kill: async () => {
      // Stopped first, so that it starts nothing new and notices nothing while its children die.
      process.kill(running.pid, 'SIGSTOP');
      for (const child of childrenOf(running.pid)) killNow(child);
      killNow(running.pid);
      await running.exited;
    },
    restart: async () => {
      running = await startEmbeddedPostgres({ dataDirectory, settings });
      if (alias !== undefined) {
        await rm(alias, { force: true });
        await symlink(running.socketDirectory, alias);
      }
    },
    close: async () => {
      await running.stop();
      await rm(dataDirectory, { recursive: true, force: true, maxRetries: 5 });
      if (alias !== undefined) await rm(path.dirname(alias), { recursive: true, force: true });
    },
  };
}
