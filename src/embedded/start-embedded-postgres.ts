import { chown } from 'node:fs/promises';
import {
  clusterExists,
  dataFolder,
  type DataFolder,
  folderOwner,
  handOver,
  ownerOf,
  prepareDataFolder,
} from './data-folder.js';
import { explainFileError } from './file-errors.js';
import { stopFormerServer } from './former-server.js';
import { initialiseCluster, superuser } from './initialise-cluster.js';
import { chooseLauncher } from './launcher.js';
import { linkLibraries } from './library-links.js';
import { takeOwnerLock } from './owner-lock.js';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.js';
import { chooseRunUser, readPasswd } from './run-user.js';
import { ServerLog } from './server-log.js';
import { endServer, startServer } from './server-process.js';
import { checkSettings, serverArguments, socketPort } from './server-settings.js';
import { makeSocketFolder } from './socket-folder.js';
import type { ProcessExit, WatchedProcess } from './watched-process.js';

export interface EmbeddedPostgresOptions {
  /** Folder for the data, the log and the lock; made when it is missing. A relative path counts from the working directory. */
  readonly dataDirectory: string;
  /** More server settings by name, such as `work_mem`; those about the socket and the data directory are refused. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called with each line that the server logs; `postgres.log` in the data folder has them too. */
  readonly onLog?: (line: string) => void;
  /** How long the server may take to become ready, recovery after a crash included. @default 60_000 */
  readonly startTimeoutMs?: number;
}

export interface EmbeddedPostgres {
  /** The folder that was asked for, as an absolute path. */
  readonly dataDirectory: string;
  /** Where the socket is: in the data folder, or elsewhere when that path is too long for a socket. */
  readonly socketDirectory: string;
  /** A part of the socket's name only; no port is open. */
  readonly port: number;
  readonly user: string;
  readonly pid: number;
  /** Such as `18.4`. */
  readonly serverVersion: string;
  /** For `new pg.Client(…)` or `new pg.Pool(…)`; there is no password. */
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  };
  /** Ends all sessions and stops the server; resolves when it is gone. May be called often and at once. */
  stop(): Promise<void>;
  /** Resolves when the server has ended, by `stop` or by itself, and the folder is free again; never rejects. */
  readonly exited: Promise<ProcessExit>;
}

/**
 * Starts a Postgres of one's own on a folder, making a new database there the first time.
 *
 * Only this process and others of the same user can reach it, through a socket in a private folder. It ends with this
 * process, however that ends, and does not keep this process from ending. Durability is as Postgres has it: what was
 * committed outlives a kill -9 of everything. As root the server runs as another user, to whom the data is handed.
 *
 * Fails with an {@link EmbeddedPostgresError} that says in one sentence what to do, and then leaves nothing running
 * and the data as it was; with a `TypeError` for a setting that is not to be chosen.
 *
 * @example
 * const postgres = await startEmbeddedPostgres({ dataDirectory: '.headwater' });
 * const pool = new pg.Pool(postgres.connection);
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  checkSettings(options.settings);
  const binaries = findPostgresBinaries();
  const folder = dataFolder(options.dataDirectory);
  await prepareDataFolder(folder, binaries.majorVersion);
  const held = new Held();
  try {
    const lock = await takeOwnerLock(folder.owner, folder.root);
    held.add(() => lock.release());
    return await startOwned(folder, binaries, options, held);
  } catch (error) {
    await held.giveBack();
    throw explainFileError(folder.root, error);
  }
}

async function startOwned(
  folder: DataFolder,
  binaries: PostgresBinaries,
  options: EmbeddedPostgresOptions,
  held: Held,
): Promise<EmbeddedPostgres> {
  const owners = [await ownerOf(folder.cluster), await ownerOf(folder.root)];
  const user = chooseRunUser(process.getuid?.(), owners, readPasswd());
  const owner = await folderOwner(folder);
  if (owner !== undefined) await chown(folder.owner, owner.uid, owner.gid);
  const log = new ServerLog(folder.log, { onLine: options.onLog, owner });
  held.add(() => log.close());
  await stopFormerServer(folder);
  const libraryPath = await linkLibraries(binaries, folder.libraries, owner);
  const sockets = await makeSocketFolder(folder.sockets, user);
  held.add(() => sockets.remove());
  const launcher = chooseLauncher(user, binaries.postgres, [
    binaries.postgres,
    binaries.libraryDirectory,
    binaries.shareDirectory,
    folder.libraries,
    sockets.path,
  ]);

  if (!(await clusterExists(folder, binaries.majorVersion))) {
    await initialiseCluster(folder, { initdb: binaries.initdb, launcher, libraryPath, log });
  } else if (user !== undefined) {
    await handOver(folder.cluster, user);
  }
  const server = await startServer(folder, {
    postgres: binaries.postgres,
    arguments: serverArguments(sockets.path, options.settings),
    timeoutMs: options.startTimeoutMs ?? 60_000,
    launcher,
    libraryPath,
    log,
  });
  server.hold(false);
  return running(folder, binaries.version, sockets.path, server, held);
}

function running(
  folder: DataFolder,
  serverVersion: string,
  socketDirectory: string,
  server: WatchedProcess,
  held: Held,
): EmbeddedPostgres {
  const exited = server.exited.then(async (exit) => {
    await held.giveBack();
    return exit;
  });
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await endServer(server);
    await exited;
  };
  return {
    dataDirectory: folder.root,
    socketDirectory,
    port: socketPort,
    user: superuser,
    pid: server.pid,
    serverVersion,
    connection: { host: socketDirectory, port: socketPort, user: superuser, database: 'postgres' },
    stop: () => (stopping ??= stop()),
    exited,
  };
}

/** What a start has taken and must give back, last taken first, when it fails and when the server has ended. */
class Held {
  readonly #releases: (() => void | Promise<void>)[] = [];

  add(release: () => void | Promise<void>): void {
    this.#releases.push(release);
  }

  /** Never rejects: what cannot be cleared away now is cleared by the next start, or with the folder itself. */
  async giveBack(): Promise<void> {
    for (let release = this.#releases.pop(); release !== undefined; release = this.#releases.pop()) {
      try {
        await release();
      } catch {
        continue; // the other things still have to go, the lock above all
      }
    }
  }
}
