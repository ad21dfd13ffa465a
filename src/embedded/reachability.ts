import { realpathSync, statSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import type { RunUser } from './run-user.js';

/**
 * The topmost folder on the way to `path`, itself included, that `user` may not pass; undefined when the way is free.
 *
 * Reads the mode bits alone: access control lists, which could open or close a folder beside them, are not looked at.
 */
export function findObstacle(path: string, user: RunUser): string | undefined {
  return ancestors(realpathSync(path)).find((folder) => !mayExecute(folder, user));
}

/** True when `user` may run the program, or pass the folder, at `path`. */
export function mayExecute(path: string, user: RunUser): boolean {
  const found = statSync(path);
  return (found.mode & executeBit(found, user)) !== 0;
}

/** The first class that fits decides, even when a later one would allow more. */
function executeBit(found: Stats, user: RunUser): number {
  if (found.uid === user.uid) return 0o100;
  return found.gid === user.gid ? 0o010 : 0o001;
}

function ancestors(path: string): readonly string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...ancestors(parent), path];
}
