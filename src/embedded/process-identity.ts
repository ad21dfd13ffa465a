import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
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
  /** The machine's run since it was last switched on; empty where that has no name. */
  readonly boot: string;
  /** Within what its number counts: a container has numbers of its own. */
  readonly numbering: string;
  readonly host: string;
}

const unknown = 'unknown';
const ended = 'ended';

export function identifyProcess(pid: number): ProcessIdentity {
  return {
    pid,
    started: startOf(pid) ?? unknown,
    boot: read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()),
    numbering: read(() => readlinkSync('/proc/self/ns/pid')),
    host: hostname(),
  };
}

/**
 * Whether it still runs; undefined when that cannot be seen from here, as it is in another container or machine.
 *
 * One that has ended counts as such even while its parent has not asked how it did (a zombie), and when its number is
 * in use again.
 */
export function isRunning(one: ProcessIdentity): boolean | undefined {
  const self = identifyProcess(process.pid);
  if (one.boot !== self.boot) return one.host === self.host ? false : undefined;
  if (one.numbering !== self.numbering) return undefined;
  if (!exists(one.pid)) return false;
  const now = startOf(one.pid);
  // Where one of the two could not be told (hidepid, no ps), a live process is taken for the one meant.
  return now !== ended && (now === undefined || one.started === unknown || now === one.started);
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

/** Field 22 of `/proc/PID/stat`, in ticks since the machine was switched on; a zombie is given none. */
function startOnLinux(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the program's name in parentheses and may hold spaces and parentheses itself.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? ended : fields[19];
  } catch {
    return exists(pid) ? undefined : ended;
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

function read(source: () => string): string {
  try {
    return source();
  } catch {
    return ''; // not Linux
  }
}
