import { Command } from 'commander';
import { systemRuntime } from '../system.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import {
  addSelectionOptions,
  filtersFrom,
  includeDeletedFrom,
  scopeFrom,
  SELECTION_HELP,
  type SelectionFlags,
} from './selection-options.js';

interface CountFlags extends ConnectionFlags, SelectionFlags {
  readonly includeDeleted?: boolean;
  readonly json?: boolean;
}

/** `headwater count`: how many events `load` would give. */
export function countCommand(): Command {
  const command = new Command('count')
    .description('count the events that "headwater load" with the same options would print')
    .option('--include-deleted', 'with --stream: also what deletion hides')
    .option('--json', 'print as JSON, with the position and epoch up to which they were counted');
  return addConnectionOptions(addSelectionOptions(command))
    .addHelpText(
      'after',
      `${SELECTION_HELP}

Examples:
  headwater count
  headwater count --aggregate-type Account --event-type AccountOpened
  headwater count --where 'amount:number >= 10' --json`,
    )
    .action(async (flags: CountFlags) => {
      const scope = scopeFrom(flags);
      const request = {
        ...(scope ? { scope } : {}),
        filters: filtersFrom(flags, systemRuntime),
        ...includeDeletedFrom(flags),
      };
      await withConnection(flags, async ({ eventStore }, signal) => {
        const { count, position, epoch } = await eventStore.countEvents(request, { signal });
        const numbers = { count: String(count), position: String(position), epoch: String(epoch) };
        await new Output().line(flags.json ? JSON.stringify(numbers) : numbers.count);
      });
    });
}
