import { Command } from 'commander';
import {
  addChangeOptions,
  CHANGE_HELP,
  type ChangeFlags,
  changeRequest,
  printChanged,
} from './change-options.js';
import { withConnection } from './connection-options.js';
import { Output } from './output.js';
import { addStreamArgument, streamOf } from './stream-argument.js';

/** `headwater restore`: takes a deletion back. */
export function restoreCommand(): Command {
  const command = new Command('restore').description('take the deletion of a stream back');
  return addChangeOptions(addStreamArgument(command))
    .addHelpText(
      'after',
      `${CHANGE_HELP}

Examples:
  headwater streams --deleted
  headwater restore Account 42`,
    )
    .action(async (type: string, id: string | undefined, flags: ChangeFlags) => {
      const stream = streamOf(type, id);
      await withConnection(flags, async ({ eventStore }, signal) => {
        const request = changeRequest(await eventStore.getStream(stream, { signal }), flags);
        const changed = await eventStore.restoreStream(request, { signal });
        await printChanged(new Output(), changed, { what: 'restored', json: flags.json ?? false });
      });
    });
}
