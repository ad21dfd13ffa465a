import { Command } from 'commander';
import {
  addFinalChangeOptions,
  CHANGE_HELP,
  changeRequest,
  COPIES_STAY,
  events,
  FINAL_HELP,
  type FinalChangeFlags,
  printChanged,
} from './change-options.js';
import { confirm } from './confirm.js';
import { withConnection } from './connection-options.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { positive } from './selection-options.js';
import { addStreamArgument, nameOf, streamOf } from './stream-argument.js';

interface TruncateFlags extends FinalChangeFlags {
  readonly before: bigint;
}

/** `headwater truncate`: empties the beginning of a stream. */
export function truncateCommand(): Command {
  const command = new Command('truncate')
    .description('empty the events of a stream below a version, for good')
    .requiredOption('--before <version>', 'the lowest version that stays', positive);
  return addFinalChangeOptions(addStreamArgument(command))
    .addHelpText(
      'after',
      `${CHANGE_HELP}${FINAL_HELP}

Examples:
  headwater truncate Account 42 --before 100
  headwater truncate Account/42 --before 100 --yes --metadata reason=audit-closed`,
    )
    .action(async (type: string, id: string | undefined, flags: TruncateFlags) => {
      const stream = streamOf(type, id);
      const { before } = flags;
      if (before === 1n)
        throw new UsageError(
          '--before 1 would empty nothing, since 1 is the first version: write one from 2',
        );
      await withConnection(flags, async ({ eventStore }, signal) => {
        const request = changeRequest(await eventStore.getStream(stream, { signal }), flags);
        const { count } = await eventStore.countEvents(
          {
            scope: { kind: 'STREAM', stream },
            filters: [{ versions: { last: before - 1n } }],
            includeDeleted: true,
          },
          { signal },
        );
        const name = nameOf(stream);
        await confirm({
          loss: `${name} will lose ${events(count)}, all below version ${before}, for good`,
          word: stream.aggregateId,
          yes: flags.yes ?? false,
          json: flags.json ?? false,
          signal,
        });
        const changed = await eventStore.truncateStream({ ...request, beforeVersion: before }, { signal });
        const { firstVersion: shown } = await eventStore.getStream(stream, { signal });
        await printChanged(new Output(), changed, {
          what: 'truncated',
          note: `It shows what is from version ${shown} on (${events(count)} less); what is below is emptied soon. ${COPIES_STAY}`,
          json: flags.json ?? false,
        });
      });
    });
}
