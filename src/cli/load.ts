import { Command } from 'commander';
import { systemRuntime } from '../system.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { EventPrinter, formatOf, Output } from './output.js';
import {
  addSelectionOptions,
  positive,
  filtersFrom,
  scopeFrom,
  SELECTION_HELP,
  type SelectionFlags,
} from './selection-options.js';

interface LoadFlags extends ConnectionFlags, SelectionFlags {
  readonly limit?: bigint;
  readonly backwards?: boolean;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

/** `headwater load`: reads what is in the log now. */
export function loadCommand(): Command {
  const command = new Command('load')
    .description('read events from the log, and end')
    .option('--limit <n>', 'at most so many events', positive)
    .option('--backwards', 'newest first')
    .option('--json', 'print one JSON list')
    .option('--ndjson', 'print one JSON object a line, which "headwater append --file" takes back');
  return addConnectionOptions(addSelectionOptions(command))
    .addHelpText(
      'after',
      `${SELECTION_HELP}

Examples:
  headwater load --stream Account/42
  headwater load --aggregate-type Account --event-type AccountOpened --limit 10 --backwards
  headwater load --tag owner:ada --from-time 2h --ndjson | jq .data`,
    )
    .action(async (flags: LoadFlags) => {
      await withConnection(flags, async ({ eventStore }, signal) => {
        const output = new Output();
        const printer = new EventPrinter(output, formatOf(flags));
        const scope = scopeFrom(flags);
        const pages = eventStore.load(
          {
            ...(scope ? { scope } : {}),
            filters: filtersFrom(flags, systemRuntime),
            direction: flags.backwards ? 'BACKWARDS' : 'FORWARDS',
            ...(flags.limit === undefined ? {} : { limit: flags.limit }),
          },
          { signal },
        );
        for await (const page of pages) {
          await printer.print(page.events);
          if (output.gone) break;
        }
        await printer.end();
        if (printer.printed === 0 && formatOf(flags) === 'table') await output.line('No events match');
      });
    });
}
