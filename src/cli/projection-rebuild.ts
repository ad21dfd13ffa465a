import { Command } from 'commander';
import { ProjectionConflictError } from '../core/follower-errors.js';
import type { Projection, ProjectionControl } from '../core/projections.js';
import { systemRuntime } from '../system.js';
import { InterruptedError, withConnection } from './connection-options.js';
import { barProgress } from './progress.js';
import { printChanged } from './projection-change.js';
import { describeFailure } from './projection-json.js';
import { addProjectionOptions, type ProjectionFlags } from './projection-options.js';

interface RebuildFlags extends ProjectionFlags {
  readonly waitWithSwap?: boolean;
  readonly wait?: boolean;
}

const LOOK_MILLISECONDS = 500;

export function projectionRebuildCommand(): Command {
  return addProjectionOptions(new Command('rebuild'))
    .description(
      'build a projection anew beside the one that readers see, and swap it in when it has caught up',
    )
    .option('--wait-with-swap', 'only swap it in when "headwater projection finish" says so')
    .option('--wait', 'wait until it is swapped in, or has caught up, and show how far it is')
    .addHelpText(
      'after',
      `
Ctrl-C ends the waiting, not the rebuild; "headwater projection finish --discard" ends that.

Examples:
  headwater projection rebuild balances --wait
  headwater projection rebuild balances --wait-with-swap`,
    )
    .action(async (name: string, flags: RebuildFlags) => {
      await withConnection(flags, async ({ projections }, signal) => {
        const waitWithSwap = flags.waitWithSwap ?? false;
        const rebuild = () => projections.rebuild({ name, waitWithSwap }, { signal });
        if (!flags.wait) return printChanged(await rebuild(), 'is being built anew', flags);
        const former = (await projections.get(name, { signal })).live.generation;
        const begun = await rebuild().catch(goesOn(`The rebuild of projection ${name}, if it has begun,`));
        const ended = await untilBuilt(projections, begun, { former, waitWithSwap, signal });
        const told =
          ended.building === undefined
            ? `is built anew, and generation ${ended.live.generation} is live`
            : `is built anew, and generation ${ended.building.generation} waits to be swapped in`;
        return printChanged(ended, told, flags);
      });
    });
}

interface FinishFlags extends ProjectionFlags {
  readonly discard?: boolean;
}

export function projectionFinishCommand(): Command {
  return addProjectionOptions(new Command('finish'))
    .description('swap in what was built anew, or throw it away')
    .option('--discard', 'throw it away, also while it is still being built')
    .addHelpText(
      'after',
      `
What differs from the live one is shown by "headwater projection get".

Examples:
  headwater projection finish balances
  headwater projection finish balances --discard`,
    )
    .action(async (name: string, flags: FinishFlags) => {
      await withConnection(flags, async ({ projections }, signal) => {
        const discard = flags.discard ?? false;
        const told = discard
          ? 'stays as it is: what was built is thrown away'
          : 'is swapped as soon as what is built has caught up';
        await printChanged(await projections.finishRebuild({ name, discard }, { signal }), told, flags);
      });
    });
}

interface Waiting {
  /** The generation that was live before. */
  readonly former: bigint;
  readonly waitWithSwap: boolean;
  readonly signal: AbortSignal;
}

/** Looks until the generation is live or, if the swap is to wait, has caught up. Throws if it was thrown away. */
async function untilBuilt(
  projections: ProjectionControl,
  begun: Projection,
  { former, waitWithSwap, signal }: Waiting,
): Promise<Projection> {
  const { name } = begun;
  const generation = begun.building?.generation;
  if (generation === undefined) {
    // It was over before the answer was made.
    if (begun.live.generation === former) throw thrownAway(name);
    return begun;
  }
  const progress = barProgress(Number(begun.head), 'positions');
  let shown = 0;
  try {
    for (;;) {
      const projection = await projections.get(name, { signal });
      const { building, live } = projection;
      if (live.generation === generation) return projection;
      if (building?.generation !== generation) throw thrownAway(name);
      const at = Number(building?.position.position ?? 0n);
      if (at > shown) progress.add(at - shown);
      shown = Math.max(shown, at);
      if (building?.failure) progress.note(describeFailure(building.failure));
      else if (building?.runner === '') progress.note('no runner works on it');
      else progress.note('');
      // It may follow the head for ever without being at it.
      if (waitWithSwap && building?.reportedAt !== undefined && building.position.position >= begun.head)
        return projection;
      await systemRuntime.sleep(LOOK_MILLISECONDS, signal);
    }
  } catch (error) {
    return goesOn(`The rebuild of projection ${name}`)(error);
  } finally {
    progress.stop();
  }
}

/** Of Ctrl-C it says what that does not end. */
function goesOn(what: string): (error: unknown) => never {
  return (error) => {
    throw error instanceof InterruptedError
      ? new InterruptedError(`${what} goes on without this command`)
      : error;
  };
}

function thrownAway(name: string): ProjectionConflictError {
  return new ProjectionConflictError(name, `What was built of projection ${name} was thrown away`);
}
