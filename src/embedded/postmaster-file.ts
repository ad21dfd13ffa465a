import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from './file-errors.js';

/** What a server writes about itself into `postmaster.pid` in its data directory. */
export interface PostmasterFile {
  readonly pid: number;
  readonly socketDirectory: string;
  /** True once it takes connections; a standby's are for reading only. */
  readonly ready: boolean;
}

export function postmasterFilePath(cluster: string): string {
  return join(cluster, 'postmaster.pid');
}

/** Undefined when there is none, or when the server has only begun to write it. */
export async function readPostmasterFile(cluster: string): Promise<PostmasterFile | undefined> {
  try {
    const lines = (await readFile(postmasterFilePath(cluster), 'utf8'))
      .split('\n')
      .map((line) => line.trim());
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    return { pid, socketDirectory: lines[4] ?? '', ready: lines[7] === 'ready' || lines[7] === 'standby' };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
