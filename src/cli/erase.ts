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
import { Output } from './output.js';
import { addStreamArgument, nameOf, streamOf } from './stream-argument.js';
import { countVersions, describeVersions, versionRangesFrom } from './version-ranges.js';

interface EraseFlags extends FinalChangeFlags {
  readonly versions?: string;
}

/** `headwater erase`: empties a stream, or some of its events. */
export function eraseCommand(): Command {
  const command = new Command('erase')
    .description('empty all events of a stream and delete it, or empty some of its events, for good')
    .option('--versions <list>', 'only these versions, as 3-5,9; the stream stays');
  return addFinalChangeOptions(addStreamArgument(command))
    .addHelpText(
      'after',
      `${CHANGE_HELP}${FINAL_HELP}
Positions, versions, types and times stay, so that nobody's count is upset; data, metadata and tags are gone.

Examples:
  headwater erase Account 42
  headwater erase Account/42 --versions 3-5,9 --yes --metadata reason=request-118`,
    )
    .action(async (type: string, id: string | undefined, flags: EraseFlags) => {
      const stream = streamOf(type, id);
      const ranges = flags.versions === undefined ? undefined : versionRangesFrom(flags.versions);
      await withConnection(flags, async ({ eventStore }, signal) => {
        const request = changeRequest(await eventStore.getStream(stream, { signal }), flags);
        const scope = { kind: 'STREAM' as const, stream };
        const count =
          ranges === undefined
            ? (await eventStore.countEvents({ scope, includeDeleted: true }, { signal })).count
            : countVersions(ranges);
        const name = nameOf(stream);
        await confirm({
          loss: ranges
            ? `${name} will lose what is in ${events(count)}, version ${describeVersions(ranges)}, for good`
            : `${name} will be deleted, and lose what is in its ${events(count)}, for good`,
          word: stream.aggregateId,
          yes: flags.yes ?? false,
          json: flags.json ?? false,
          signal,
        });
        const changed = ranges
          ? await eventStore.eraseEvents({ ...request, versions: ranges }, { signal })
          : await eventStore.eraseStream(request, { signal });
        await printChanged(new Output(), changed, {
          what: 'erased',
          note: `Emptied ${events(count)}. ${COPIES_STAY}`,
          json: flags.json ?? false,
        });
      });
    });
}
