import { Command } from 'commander';
import { withConnection } from './connection-options.js';
import { durationFrom } from './duration.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { logPositionFrom } from './position.js';
import { positionToJson } from './projection-json.js';
import { addProjectionOptions, type ProjectionFlags } from './projection-options.js';

interface WaitFlags extends ProjectionFlags {
  readonly position?: string;
  readonly timeout: string;
}

export function projectionWaitCommand(): Command {
  return addProjectionOptions(new Command('wait'))
    .description('wait until a projection has come to a position, so that what was appended there is in it')
    .option('--position <position[@epoch]>', 'how far (default: the end of the log)')
    .option('--timeout <duration>', 'how long at most, up to 60s', '10s')
    .addHelpText(
      'after',
      `
Ends with 5 if it has not come so far in time.

Examples:
  headwater projection wait balances
  headwater projection wait balances --position 1500 --timeout 60s`,
    )
    .action(async (name: string, flags: WaitFlags) => {
      const timeoutMilliseconds = Number(durationFrom(flags.timeout, '--timeout') / 1000n);
      if (timeoutMilliseconds > 60_000) throw new UsageError(`--timeout ${flags.timeout} is longer than 60s`);
      const asked = flags.position === undefined ? undefined : logPositionFrom(flags.position, '--position');
      await withConnection(flags, async ({ projections }, signal) => {
        const wanted = asked ?? { position: (await projections.get(name, { signal })).head };
        const reached = await projections.waitFor(name, wanted, { signal, timeoutMilliseconds });
        await new Output().line(
          flags.json
            ? JSON.stringify(positionToJson(reached))
            : `Projection ${name} is at position ${reached.position}`,
        );
      });
    });
}
