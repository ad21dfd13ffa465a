import { chmod, chown, mkdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { FileOwner } from './data-folder.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { codeOf } from './file-errors.js';
import type { PostgresBinaries } from './postgres-binaries.js';

/** An environment variable, by which the loader finds the libraries that Postgres was built with. */
export interface LibraryPath {
  readonly name: 'LD_LIBRARY_PATH' | 'DYLD_LIBRARY_PATH';
  readonly value: string;
}

/**
 * Builds a private folder of the links (`libpq.so.5` and the like) that npm packages cannot carry.
 *
 * The package makes them in an install script. Those are blocked by default since npm 12, and node_modules may be
 * read-only, so the links are made anew at every start in a folder that is surely ours; 14 links take about 1 ms.
 * Both folders must be on the path, since libraries in the link folder look for their siblings beside themselves.
 */
export async function linkLibraries(
  binaries: PostgresBinaries,
  folder: string,
  owner?: FileOwner,
): Promise<LibraryPath> {
  for (const path of [folder, binaries.libraryDirectory]) {
    if (/[:;]/.test(path)) throw notOnePath(path);
  }
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  await chmod(folder, 0o755); // whatever the umask: as root the server runs as somebody else
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid);
  for (const { source, target } of await readLinks(binaries)) {
    await symlink(join(binaries.packageDirectory, source), join(folder, basename(target)));
  }
  return {
    name: process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH',
    value: `${folder}:${binaries.libraryDirectory}`,
  };
}

/** Refused even where the install script has made the links, so that it does not depend on how npm was called. */
function notOnePath(path: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'NOT_SUPPORTED',
    `The path ${path} holds a colon or semicolon, at which the library loader would cut it in two: choose a folder without, or set DATABASE_URL`,
  );
}

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

async function readLinks(binaries: PostgresBinaries): Promise<readonly LibraryLink[]> {
  const path = join(binaries.packageDirectory, 'native', 'pg-symlinks.json');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return '[]'; // a platform whose package needs no links
    throw error;
  });
  const list: unknown = JSON.parse(text);
  return Array.isArray(list) ? list.filter(isLibraryLink) : [];
}

/** Only libraries: elsewhere in the package (time zones, say) a link means nothing to the loader. */
function isLibraryLink(link: unknown): link is LibraryLink {
  return (
    typeof link === 'object' &&
    link !== null &&
    'source' in link &&
    typeof link.source === 'string' &&
    'target' in link &&
    typeof link.target === 'string' &&
    link.target.startsWith('native/lib/')
  );
}
