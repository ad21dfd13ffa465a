import { readdirSync, readFileSync } from 'node:fs';

/** A process, as Linux tells of it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** The name of the program, cut at 15 characters. */
  readonly name: string;
}

/** All processes; from /proc, since a bare machine has no `ps`. */
export function processes(): readonly ProcessEntry[] {
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    let stat: string;
    try {
      stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
    } catch (error) {
      // It ended in between.
      if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
        return [];
      throw error;
    }
    // The name stands in parentheses and may hold anything: pid (name) state ppid pgrp session …
    const close = stat.lastIndexOf(')');
    const [state, parent, , session] = stat.slice(close + 2).split(' ');
    if (state === 'Z') return [];
    const name = stat.slice(stat.indexOf('(') + 1, close);
    return [{ pid: Number(entry), parent: Number(parent), session: Number(session), name }];
  });
}

/** The processes that this one started and that still run. */
export function childrenOf(pid: number): readonly number[] {
  return processes()
    .filter(({ parent }) => parent === pid)
    .map((one) => one.pid);
}

/** kill -9; one that ended by itself in between is as dead. */
export function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
