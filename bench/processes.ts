import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

// What Linux tells about other processes. Elsewhere, and of processes that are gone, the answer is undefined.

/** CPU seconds of all of its threads, by the scheduler's own count: the ticks of `stat` are as long as a short turn. */
export function cpuSecondsOf(pid: number): number | undefined {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    let nanoseconds = 0;
    for (const thread of threads)
      nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]);
    return nanoseconds / 1e9;
  } catch {
    return undefined;
  }
}

export interface ProcessStat {
  readonly parent: number;
  /** Of its children that have ended and that it has waited for. */
  readonly endedChildrenSeconds: number;
}

const TICKS_A_SECOND = 100;

export function statOf(pid: number): ProcessStat | undefined {
  const text = read(`/proc/${pid}/stat`);
  // The name stands in brackets and may have anything in it.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (!fields) return undefined;
  const field = (index: number) => Number(fields[index - 3]);
  return { parent: field(4), endedChildrenSeconds: (field(16) + field(17)) / TICKS_A_SECOND };
}

export function childrenOf(parent: number): readonly number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => statOf(pid)?.parent === parent);
  } catch {
    return [];
  }
}

/** How the process calls itself. */
export function titleOf(pid: number): string | undefined {
  return read(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ').trim();
}

/** Memory in MiB: its own, what it has touched of memory that it shares, and the most that it ever had of all. */
export interface ProcessMemory {
  readonly own: number;
  readonly shared: number;
  readonly peak: number;
}

export function memoryOf(pid: number): ProcessMemory | undefined {
  const text = read(`/proc/${pid}/status`);
  if (text === undefined) return undefined;
  const mebibytes = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) / 1024;
  return { own: mebibytes('RssAnon'), shared: mebibytes('RssShmem'), peak: mebibytes('VmHWM') };
}

/** Lets the most that it ever had begin anew. */
export function forgetPeakOf(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch {
    // Then it is the most since the process began, which is never too little.
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return undefined;
  }
}
