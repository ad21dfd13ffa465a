import { Command } from 'commander';
import type { WatchedAggregate } from '../core/aggregate.js';
import { aggregateToJson, jsonWithState, stateText } from './aggregate-json.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import { positive } from './selection-options.js';
import { addStreamArgument, streamOf } from './stream-argument.js';
import { TablePrinter } from './table.js';
import { shortTime } from './time.js';

interface WatchFlags extends ConnectionFlags {
  readonly limit?: bigint;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

const COLUMNS = ['position', 'version', 'updated', '', 'state'];
/** For rows that come one by one, so that the head need not be repeated for each that is a little longer. */
const ROOM = [10, 7, 23, 9];

/** `headwater aggregate watch`: its state after each change, until Ctrl-C. */
export function watchCommand(): Command {
  const command = addStreamArgument(
    new Command('watch').description(
      'print the state of an aggregate, and again after changes, until Ctrl-C',
    ),
  )
    .option('--limit <n>', 'end after so many states', positive)
    .option('--json', 'the same as --ndjson: a list would never end')
    .option('--ndjson', 'print one JSON object a line');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
It need not exist yet. Changes that come faster than they can be shown are shown together: the newest state is always shown,
and not all in between. The state is shown where the service has the domain that folds it.

Examples:
  headwater aggregate watch Account a-1
  headwater aggregate watch Account/a-1 --ndjson | jq .state.balance`,
    )
    .action(async (type: string, id: string | undefined, flags: WatchFlags) => {
      const aggregate = streamOf(type, id);
      await withConnection(flags, async ({ aggregates }, signal) => {
        const output = new Output();
        const table = new TablePrinter(output, { head: COLUMNS, room: ROOM });
        let shown = 0n;
        for await (const watched of aggregates.watch(aggregate, { signal })) {
          if (flags.json || flags.ndjson) await output.line(toJson(watched));
          else await table.print([rowOf(watched)]);
          shown += 1n;
          if (output.gone || shown === flags.limit) break;
        }
      });
    });
}

function rowOf({ info, position, state }: WatchedAggregate): readonly string[] {
  return [
    String(position),
    String(info.version),
    info.updatedAt === undefined ? '' : shortTime(info.updatedAt),
    info.exists ? '' : info.deleted ? 'deleted' : 'not there',
    state === undefined ? '' : stateText(state),
  ];
}

function toJson({ epoch, info, position, state }: WatchedAggregate): string {
  return jsonWithState({ ...aggregateToJson(info), position: String(position), epoch: String(epoch) }, state);
}
