import { Command } from 'commander';
import {
  projectionChangeCommands,
  projectionDeleteCommand,
  projectionResetCommand,
} from './projection-change.js';
import { projectionFailedCommand, projectionRetryCommand } from './projection-failed.js';
import { projectionGetCommand, projectionListCommand } from './projection-get.js';
import { projectionFinishCommand, projectionRebuildCommand } from './projection-rebuild.js';
import { projectionWaitCommand } from './projection-wait.js';

/** `headwater projection`: how projections are doing, and what is to be done with them. */
export function projectionCommand(): Command {
  const command = new Command('projection')
    .description('watch and operate projections: what programs build from the log')
    .addCommand(projectionListCommand())
    .addCommand(projectionGetCommand());
  for (const change of projectionChangeCommands()) command.addCommand(change);
  return command
    .addCommand(projectionResetCommand())
    .addCommand(projectionRebuildCommand())
    .addCommand(projectionFinishCommand())
    .addCommand(projectionDeleteCommand())
    .addCommand(projectionFailedCommand())
    .addCommand(projectionRetryCommand())
    .addCommand(projectionWaitCommand())
    .addHelpText(
      'after',
      `
Examples:
  headwater projection list
  headwater projection get balances
  headwater projection rebuild balances --wait`,
    );
}
