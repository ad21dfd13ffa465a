import { Command } from 'commander';
import { systemRuntime } from '../system.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { EventPrinter } from './event-printer.js';
import { formatOf, Output } from './output.js';
import { logPositionFrom } from './position.js';
import {
  addSelectionOptions,
  filtersFrom,
  includeDeletedFrom,
  positive,
  scopeFrom,
  SELECTION_HELP,
  type SelectionFlags,
} from './selection-options.js';

interface LoadFlags extends ConnectionFlags, SelectionFlags {
  readonly limit?: bigint;
  readonly backwards?: boolean;
  readonly includeDeleted?: boolean;
  readonly minPosition?: string;
  readonly staleOk?: boolean;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

/** `headwater load`: reads what is in the log now. */
export function loadCommand(): Command {
  const command = new Command('load')
    .description('read events from the log, and end')
    .option('--limit <n>', 'at most so many events', positive)
    .option('--backwards', 'newest first')
    .option('--include-deleted', 'with --stream: also what deletion hides')
    .option(
      '--min-position <position[@epoch]>',
      'wait until the log has come so far, for five seconds at most',
    )
    .option('--stale-ok', 'a replica may answer, which may be behind')
    .option('--json', 'print one JSON list')
    .option('--ndjson', 'print one JSON object a line, which "headwater append --file" takes back');
  return addConnectionOptions(addSelectionOptions(command))
    .addHelpText(
      'after',
      `${SELECTION_HELP}

Examples:
  headwater load --stream Account/42
  headwater load --aggregate-type Account --event-type AccountOpened --limit 10 --backwards
  headwater load --where 'amount:number >= 10' --where 'region in eu,us'
  headwater load --tag owner:ada --from-time 2h --ndjson | jq .data`,
    )
    .action(async (flags: LoadFlags) => {
      const scope = scopeFrom(flags);
      const request = {
        ...(scope ? { scope } : {}),
        filters: filtersFrom(flags, systemRuntime),
        direction: flags.backwards ? ('BACKWARDS' as const) : ('FORWARDS' as const),
        ...(flags.limit === undefined ? {} : { limit: flags.limit }),
        ...includeDeletedFrom(flags),
        ...(flags.minPosition === undefined
          ? {}
          : { minPosition: logPositionFrom(flags.minPosition, '--min-position') }),
        ...(flags.staleOk ? { staleOk: true } : {}),
      };
      await withConnection(flags, async ({ eventStore }, signal) => {
        const output = new Output();
        const printer = new EventPrinter(output, formatOf(flags));
        for await (const page of eventStore.load(request, { signal })) {
          await printer.print(page.events);
          if (output.gone) break;
        }
        await printer.end();
        if (printer.printed === 0 && formatOf(flags) === 'table') await output.line('No events match');
      });
    });
}
