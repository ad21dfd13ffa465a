import { readlinkSync, readFileSync, realpathSync } from 'node:fs';
import { realpath, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataFolder } from './data-folder.js';
import { EmbeddedPostgresError } from './embedded-postgres-error.js';
import { codeOf } from './file-errors.js';
import { inUse } from './owner-lock.js';
import { postmasterFilePath, readPostmasterFile } from './postmaster-file.js';
import { exists, identifyProcess, isRunning, type ProcessIdentity } from './process-identity.js';
import { socketFoldersOf } from './socket-folder.js';

/**
 * Stops a server whose owner was killed and whose watchdog has not got round to it; called with the owner lock held.
 *
 * Stopped and started afresh rather than adopted: an adopted server would be nobody's child, so that its end could not
 * be noticed nor its log be read, and a start costs a tenth of a second.
 */
export async function stopFormerServer(folder: DataFolder): Promise<void> {
  const file = await readPostmasterFile(folder.cluster);
  if (file === undefined || !exists(file.pid)) return;
  if (!serves(file.pid, folder.cluster)) {
    // The number is in use again by somebody else. Postgres would take that for a server and refuse to start; whether
    // backends of the dead one still hold its memory it finds out without this file.
    await rm(postmasterFilePath(folder.cluster), { force: true });
    return;
  }
  // Started by hand, by other means than ours: not ours to stop.
  const [socket, ...ours] = await Promise.all(
    [file.socketDirectory, ...(await socketFoldersOf(folder.sockets))].map(resolved),
  );
  if (socket === undefined || !ours.includes(socket)) {
    throw inUse(folder.root, identifyProcess(file.pid));
  }
  const server = identifyProcess(file.pid);
  const ended = (await endWith(server, 'SIGINT', 15_000)) || (await endWith(server, 'SIGQUIT', 5_000));
  if (!ended) {
    throw new EmbeddedPostgresError(
      'START_FAILED',
      `The former server of ${folder.root}, process ${file.pid}, does not stop: end it, or choose another --data folder`,
    );
  }
}

/** The same folder may be called by another name this time, through a link. */
async function resolved(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

async function endWith(server: ProcessIdentity, signal: NodeJS.Signals, withinMs: number): Promise<boolean> {
  try {
    process.kill(server.pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(10)) {
    if (!isRunning(server)) return true;
  }
  return false;
}

/** True when the process is a Postgres at work in `cluster`: its name is postgres, and it works inside that folder. */
function serves(pid: number, cluster: string): boolean {
  if (!isRunning(identifyProcess(pid))) return false;
  if (process.platform !== 'linux') return true; // there is no telling: Postgres itself will have the last word
  try {
    if (readFileSync(`/proc/${pid}/comm`, 'latin1').trim() !== 'postgres') return false;
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster);
  } catch (error) {
    return codeOf(error) === 'EACCES' || codeOf(error) === 'EPERM';
  }
}
