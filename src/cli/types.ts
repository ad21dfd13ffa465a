import { Command } from 'commander';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import { pagesOf } from './pages.js';
import { TablePrinter } from './table.js';

interface TypesFlags extends ConnectionFlags {
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

/** `headwater types`: the aggregate types, and how much there is of each. */
export function typesCommand(): Command {
  const command = new Command('types')
    .description('list aggregate types with the number of their streams and events')
    .option('--json', 'print one JSON object a line')
    .option('--ndjson', 'the same as --json');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
All events ever appended are counted, emptied ones and the store's own included.

Examples:
  headwater types
  headwater types --json | jq -r .aggregate_type`,
    )
    .action(async (flags: TypesFlags) => {
      await withConnection(flags, async ({ eventStore }, signal) => {
        const output = new Output();
        const table = new TablePrinter(output, { head: ['type', 'streams', 'deleted', 'events'] });
        const json = flags.json ?? flags.ndjson ?? false;
        let listed = 0;
        const pages = pagesOf(async (page) => {
          const { aggregateTypes, nextPageToken } = await eventStore.listAggregateTypes(page, { signal });
          return { entries: aggregateTypes, nextPageToken };
        });
        for await (const types of pages) {
          listed += types.length;
          const rows = types.map(({ aggregateType, streams, deletedStreams, events }) => ({
            aggregate_type: aggregateType,
            streams: String(streams),
            deleted_streams: String(deletedStreams),
            events: String(events),
          }));
          if (json) await output.write(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
          else await table.print(rows.map((row) => Object.values(row)));
          if (output.gone) break;
        }
        if (listed === 0 && !json) await output.line('There are no streams yet');
      });
    });
}
