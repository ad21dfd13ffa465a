import { chmod, chown, mkdir, mkdtemp, readlink, rm, rmdir, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { FileOwner } from './data-folder.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { codeOf } from './file-errors.js';
import { socketPort } from './server-settings.js';

/** A folder that only the server's user can enter, for its socket. */
export interface SocketFolder {
  readonly path: string;
  remove(): Promise<void>;
}

/** What a socket's address holds, with the zero at its end: 108 bytes on Linux, 104 on macOS. */
const addressBytes = process.platform === 'darwin' ? 104 : 108;
const socketName = `.s.PGSQL.${socketPort}`;
const prefix = 'headwater-';

/**
 * Makes the folder at `wanted`, or, when that path is too long for a socket's address, a short one in the system's
 * folder for temporary files, with a link at `wanted` by which the next start finds and clears what a crash left.
 */
export async function makeSocketFolder(wanted: string, owner: FileOwner | undefined): Promise<SocketFolder> {
  await clearSocketFolder(wanted);
  const path = fits(wanted) ? wanted : await makeShortFolder();
  if (path === wanted) await mkdir(path, { mode: 0o700 });
  else await symlink(path, wanted);
  await chmod(path, 0o700);
  if (owner !== undefined) await chown(path, owner.uid, owner.gid);
  return { path, remove: () => clearSocketFolder(wanted) };
}

/** The folders in which a server that was started for `wanted` can have its socket. */
export async function socketFoldersOf(wanted: string): Promise<readonly string[]> {
  const linked = await linkedFolder(wanted);
  return linked === undefined ? [wanted] : [wanted, linked];
}

async function makeShortFolder(): Promise<string> {
  // A long TMPDIR is no better than a long data folder.
  const parent = [tmpdir(), '/tmp'].find((candidate) => fits(join(candidate, `${prefix}123456`)));
  if (parent === undefined) {
    throw new EmbeddedPostgresError(
      'NOT_SUPPORTED',
      `The path ${tmpdir()} is too long for a socket: set TMPDIR to a shorter one`,
    );
  }
  return mkdtemp(join(parent, prefix));
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, socketName)) < addressBytes;
}

/**
 * Removes the folder, and the short one that it may link to, file by file: whoever can write to a data folder must not
 * be able to turn a link there into a recursive removal elsewhere.
 *
 * Always done before a start, as Postgres trips over a left-over lock file whose process number is in use again.
 */
async function clearSocketFolder(wanted: string): Promise<void> {
  const linked = await linkedFolder(wanted);
  if (linked !== undefined) await emptyAndRemove(linked);
  if (linked !== undefined || (await isLink(wanted))) await rm(wanted, { force: true });
  else await emptyAndRemove(wanted);
}

async function emptyAndRemove(folder: string): Promise<void> {
  await rm(join(folder, socketName), { force: true });
  await rm(join(folder, `${socketName}.lock`), { force: true });
  await rmdir(folder).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error;
  });
}

async function isLink(path: string): Promise<boolean> {
  return readlink(path).then(
    () => true,
    () => false,
  );
}

async function linkedFolder(wanted: string): Promise<string | undefined> {
  const target = await readlink(wanted).catch(() => undefined);
  const ours =
    target !== undefined &&
    basename(target).startsWith(prefix) &&
    [tmpdir(), '/tmp'].includes(dirname(target));
  return ours ? target : undefined;
}
