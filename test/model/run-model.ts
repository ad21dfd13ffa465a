import fc from 'fast-check';
import type { EventStore } from '../../src/core/event-store.js';
import { systemRuntime } from '../../src/system.js';
import { commands, type Real } from './commands.js';
import { Model } from './model.js';

/** A store on a log that outlives it. */
export interface Target {
  store(): EventStore;
  restart(): Promise<void>;
}

/** Runs so many sequences of commands on the store and the model side by side. Gives how many commands were run. */
export async function runModel(target: Target, sequences: number): Promise<number> {
  let run = 0;
  let number = 0;
  await fc.assert(
    fc.asyncProperty(commands, async (sequence) => {
      number += 1;
      const real: Real = {
        get store() {
          return target.store();
        },
        prefix: `s${number}`,
        newEventId: () => systemRuntime.newEventId(),
        restart: () => target.restart(),
      };
      const { position } = await target.store().getLog();
      await fc.asyncModelRun(() => ({ model: new Model(position), real }), sequence);
      run += [...sequence].length;
    }),
    {
      numRuns: sequences,
      endOnFailure: false,
      interruptAfterTimeLimit: 240_000,
      markInterruptAsFailure: true,
    },
  );
  return run;
}
