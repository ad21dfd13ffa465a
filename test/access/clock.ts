import type { Runtime } from '../../src/core/runtime.js';
import { systemRuntime } from '../../src/system.js';

/** A clock that goes on when it is told to. */
export interface Clock extends Runtime {
  advance(milliseconds: number): void;
}

export function stoppedClock(startsAt = Date.UTC(2030, 0, 1)): Clock {
  let passed = 0;
  return {
    ...systemRuntime,
    now: () => BigInt(startsAt + passed) * 1000n,
    monotonic: () => passed,
    advance: (milliseconds) => {
      passed += milliseconds;
    },
  };
}
