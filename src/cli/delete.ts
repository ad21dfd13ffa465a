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

/** `headwater delete`: hides a stream, so that it can be restored. */
export function deleteCommand(): Command {
  const command = new Command('delete').description(
    'delete a stream: appends and reads of it are refused until it is restored or created anew',
  );
  return addChangeOptions(addStreamArgument(command))
    .addHelpText(
      'after',
      `${CHANGE_HELP}
Nothing is lost: "headwater restore" takes it back, and readers of the log still see its events. To empty them for good, use
"headwater erase".

Examples:
  headwater delete Account 42
  headwater delete Account/42 --expected-version 7 --metadata actor=ada`,
    )
    .action(async (type: string, id: string | undefined, flags: ChangeFlags) => {
      const stream = streamOf(type, id);
      await withConnection(flags, async ({ eventStore }, signal) => {
        const request = changeRequest(await eventStore.getStream(stream, { signal }), flags);
        const changed = await eventStore.deleteStream(request, { signal });
        await printChanged(new Output(), changed, { what: 'deleted', json: flags.json ?? false });
      });
    });
}
