import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { codeOf } from './file-errors.js';

/**
 * A process that cannot be mistaken for a later one with the same number.
 *
 * Numbers repeat soon: in a container the same few come back at every start.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it started, in whatever form the system tells; equal for equal processes. */
  readonly started: string;
}

const unknown = 'unknown';
const ended = 'ended';

export function identifyProcess(pid: number): ProcessIdentity {
  return { pid, started: startOf(pid) ?? unknown };
}

/** False once it has ended, even if its parent has not yet asked how (a zombie) or its number is in use again. */
export function isRunning({ pid, started }: ProcessIdentity): boolean {
  if (!exists(pid)) return false;
  const now = startOf(pid);
  // Where one of the two could not be told (hidepid, no ps), a live process is taken for the one meant.
  return now !== ended && (now === undefined || started === unknown || now === started);
}

/** True for zombies too: it says no more than that the number is taken. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function startOf(pid: number): string | undefined {
  return process.platform === 'linux' ? startOnLinux(pid) : startByPs(pid);
}

/** Field 22 of `/proc/PID/stat`, ticks since boot, and the boot they count from; a zombie is given no start. */
function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return ended;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}:${fields[19] ?? ''}`;
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ESRCH') return exists(pid) ? undefined : ended;
    return undefined;
  }
}

function startByPs(pid: number): string | undefined {
  try {
    const env = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };
    const out = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { env, encoding: 'utf8' }).trim();
    return out === '' ? undefined : out;
  } catch {
    return undefined; // no ps, or it ended in between: `exists` has the word
  }
}
