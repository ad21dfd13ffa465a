import { chmod, lchown, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { codeOf, explainFileError } from './file-errors.js';

/** Where everything lies in the folder that the caller chose; nothing is ever written outside, except a socket. */
export interface DataFolder {
  readonly root: string;
  /** Postgres's own data directory. */
  readonly cluster: string;
  /** Says who works here; the owner lock's numbered files. */
  readonly owner: string;
  readonly libraries: string;
  readonly sockets: string;
  readonly log: string;
}

/** Beginning of the name of a folder that `initdb` is still filling. */
export const unfinishedPrefix = 'postgres.initializing-';

export function dataFolder(dataDirectory: string): DataFolder {
  const root = resolve(dataDirectory);
  return {
    root,
    cluster: join(root, 'postgres'),
    owner: join(root, 'owner'),
    libraries: join(root, 'libraries'),
    sockets: join(root, 'socket'),
    log: join(root, 'postgres.log'),
  };
}

/**
 * Makes the folder, or refuses one that is not ours to use; changes nothing in a folder that it refuses.
 *
 * A folder with other people's files is refused only while there is no cluster in it: `--data ~` is a slip worth
 * catching, files laid beside a working cluster are not.
 */
export async function prepareDataFolder(folder: DataFolder, majorVersion: string): Promise<void> {
  try {
    const made = await makeFolder(folder.root);
    // As root the server runs as somebody else, who must be able to pass through but has nothing to list here.
    if (made && process.getuid?.() === 0) await chmod(folder.root, 0o711);
    const entries = await readdir(folder.root);
    if (entries.includes('PG_VERSION')) {
      throw notEmpty(folder.root, 'it is itself the data directory of a Postgres');
    }
    if (!entries.includes('postgres')) refuseForeignFiles(folder.root, entries);
    await clusterExists(folder, majorVersion);
  } catch (error) {
    throw explainFileError(folder.root, error);
  }
}

/** False when it was there; by hand, because `recursive` tells of a read-only disk that something does not exist. */
async function makeFolder(path: string, parentIsThere = false): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await stat(path)).isDirectory()) return false;
    // Below /proc a folder cannot be made though its parent is there, and ENOENT says so.
    if (codeOf(error) !== 'ENOENT' || parentIsThere || dirname(path) === path) throw error;
    await makeFolder(dirname(path));
    return makeFolder(path, true);
  }
}

/** True when there is a cluster to start; refuses one of another major version, and files that are no cluster. */
export async function clusterExists(folder: DataFolder, majorVersion: string): Promise<boolean> {
  const entries = await readdir(folder.cluster).catch((error: unknown): string[] => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  if (entries.length === 0) return false;
  if (!entries.includes('PG_VERSION')) {
    throw notEmpty(folder.cluster, `it holds ${entries[0] ?? 'files'} but no PG_VERSION`);
  }
  const found = (await readFile(join(folder.cluster, 'PG_VERSION'), 'utf8')).trim();
  if (found !== majorVersion) {
    throw new EmbeddedPostgresError(
      'VERSION_MISMATCH',
      `The data in ${folder.cluster} was made by Postgres ${found} and this is Postgres ${majorVersion}: export it with the release that made it and import it here, or choose another --data folder`,
    );
  }
  return true;
}

/** Owner of what is there, so that root leaves somebody's files to them; undefined where nothing is. */
export async function ownerOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    (found) => found.uid,
    (error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    },
  );
}

/** A user and a group, as the file system has them. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/** Whom root gives what it makes in the folder: its owner, who may be back without root. Undefined for anyone else. */
export async function folderOwner(folder: DataFolder): Promise<FileOwner | undefined> {
  return process.getuid?.() === 0 ? stat(folder.root) : undefined;
}

/** Gives a cluster that somebody else made, or that root copied, to the user that the server runs as. */
export async function handOver(cluster: string, user: FileOwner): Promise<void> {
  if ((await ownerOf(cluster)) === user.uid) return;
  for (const name of await readdir(cluster, { recursive: true })) {
    await lchown(join(cluster, name), user.uid, user.gid);
  }
  // Last, so that a hand-over that was cut short is done again.
  await lchown(cluster, user.uid, user.gid);
}

function refuseForeignFiles(root: string, entries: readonly string[]): void {
  const ours = /^(owner|libraries|socket|postgres\.log(\.1)?|postgres\.initializing-.*|lost\+found|\..*)$/;
  const foreign = entries.find((entry) => !ours.test(entry));
  if (foreign !== undefined) throw notEmpty(root, `it holds ${foreign}`);
}

function notEmpty(path: string, why: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'NOT_EMPTY',
    `The folder ${path} is neither empty nor a data folder of ours (${why}): choose another --data folder`,
  );
}
