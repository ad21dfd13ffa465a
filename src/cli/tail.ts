import { Command } from 'commander';
import type { SubscribeStart, SubscriptionMessage } from '../core/subscribe.js';
import { systemRuntime } from '../system.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { EventPrinter } from './event-printer.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { logPositionFrom } from './position.js';
import {
  addSelectionOptions,
  positive,
  filtersFrom,
  scopeFrom,
  SELECTION_HELP,
  type SelectionFlags,
} from './selection-options.js';
import { timeFrom } from './time.js';

interface TailFlags extends ConnectionFlags, SelectionFlags {
  readonly fromStart?: boolean;
  readonly after?: string;
  readonly since?: string;
  readonly limit?: bigint;
  readonly json?: boolean;
  readonly ndjson?: boolean;
  readonly progress?: boolean;
}

/** `headwater tail`: follows the log until Ctrl-C. */
export function tailCommand(): Command {
  const command = new Command('tail')
    .description('follow the log: print events as they are appended, until Ctrl-C')
    .option('--from-start', 'begin at the first event')
    .option('--after <position[@epoch]>', 'begin behind this position, as an earlier run printed it')
    .option('--since <time>', 'begin at this time (ISO 8601, or 15m, 2h, 7d ago)')
    .option('--limit <n>', 'end after so many events', positive)
    .option('--json', 'the same as --ndjson: a list would never end')
    .option('--ndjson', 'print one JSON object a line')
    .option(
      '--progress',
      'tell on standard error how far the log was scanned, when caught up and when fallen behind',
    );
  return addConnectionOptions(addSelectionOptions(command))
    .addHelpText(
      'after',
      `${SELECTION_HELP}

Without --from-start, --after or --since it begins behind the last event that there is now.
It ends with 130 at Ctrl-C, as every command does, and with 0 after --limit events or when nobody reads its output.

Examples:
  headwater tail
  headwater tail --from-start --aggregate-type Account --ndjson
  headwater tail --where 'region = eu'
  headwater tail --after 1500@1 --progress`,
    )
    .action(async (flags: TailFlags) => {
      const scope = scopeFrom(flags);
      const request = {
        ...(scope ? { scope } : {}),
        filters: filtersFrom(flags, systemRuntime),
        start: startFrom(flags),
      };
      await withConnection(flags, async ({ eventStore }, signal) => {
        const output = new Output();
        const format = flags.ndjson || flags.json ? 'ndjson' : 'table';
        const printer = new EventPrinter(output, format, { live: true });
        const messages = eventStore.subscribe(request, { signal });
        for await (const message of messages) {
          const left = flags.limit === undefined ? undefined : Number(flags.limit) - printer.printed;
          await printer.print(left === undefined ? message.events : message.events.slice(0, left));
          if (flags.progress) tell(message);
          if (output.gone || (flags.limit !== undefined && printer.printed >= Number(flags.limit))) break;
        }
      });
    });
}

function startFrom(flags: TailFlags): SubscribeStart {
  const given = [flags.fromStart, flags.after, flags.since].filter((one) => one !== undefined);
  if (given.length > 1) throw new UsageError('Of --from-start, --after and --since only one can stand');
  if (flags.fromStart) return { kind: 'BEGINNING' };
  if (flags.since !== undefined) return { kind: 'TIME', time: timeFrom(flags.since, systemRuntime.now()) };
  if (flags.after === undefined) return { kind: 'END' };
  return { kind: 'AFTER', after: logPositionFrom(flags.after, '--after') };
}

function tell({ scannedTo, epoch, signal }: SubscriptionMessage): void {
  const what =
    signal?.kind === 'CAUGHT_UP'
      ? 'caught up'
      : signal?.kind === 'FELL_BEHIND'
        ? `fell behind, the log is at ${signal.head}`
        : 'scanned';
  process.stderr.write(`${what}: position ${scannedTo}@${epoch}\n`);
}
