import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import path from 'node:path';
import { speedTogether } from './cores.js';
import { median } from './rounds.js';

/** What the numbers were taken on. */
export interface Machine {
  readonly cores: number;
  /** What a core does when all are busy, as a part of what it does alone. */
  readonly speedTogether?: number | undefined;
  readonly processor: string;
  readonly memoryMiB: number;
  readonly system: string;
  readonly node: string;
  /** How long a block of 8 KiB takes to be on the disk of the checkout: median of some, in milliseconds. */
  readonly flushMilliseconds: number;
  /** Processes that wanted to run in the minute before; much of it is somebody else's work. */
  readonly loadBefore: number;
}

export async function machine(folder: string): Promise<Machine> {
  const cores = availableParallelism();
  return {
    cores,
    speedTogether: await speedTogether(cores),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    system: `${type()} ${release()}`,
    node: process.version,
    flushMilliseconds: flushMilliseconds(path.join(folder, 'flushed')),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

const BLOCK = Buffer.alloc(8192, 1);
const FLUSHES = 51;

/** As Postgres writes its log: into a file that has its length already. */
function flushMilliseconds(file: string): number {
  const descriptor = openSync(file, 'w+');
  try {
    writeSync(descriptor, Buffer.alloc(BLOCK.byteLength * FLUSHES));
    fdatasyncSync(descriptor);
    const times = Array.from({ length: FLUSHES }, (_, block) => {
      const began = performance.now();
      writeSync(descriptor, BLOCK, 0, BLOCK.byteLength, block * BLOCK.byteLength);
      fdatasyncSync(descriptor);
      return performance.now() - began;
    });
    return Math.round(median(times) * 1000) / 1000;
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}
