import { readFileSync } from 'node:fs';

/** The CPU time of a process of Postgres on this machine, in microseconds. */
export function backendMicroseconds(pid: number): number {
  // Nanoseconds on a processor come first; /proc/PID/stat counts in hundredths of a second.
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000;
}
