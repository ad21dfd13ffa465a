import { Command } from 'commander';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import { addStreamArgument, nameOf, streamOf } from './stream-argument.js';

interface DeleteFlags extends ConnectionFlags {
  readonly json?: boolean;
}

/** `headwater aggregate snapshots`: what spares folding from the first event on. */
export function snapshotsCommand(): Command {
  return new Command('snapshots')
    .description('throw snapshots of an aggregate away')
    .addCommand(deleteCommand())
    .addHelpText('after', '\nExamples:\n  headwater aggregate snapshots delete Account a-1');
}

function deleteCommand(): Command {
  const command = addStreamArgument(
    new Command('delete').description('throw all snapshots of an aggregate away'),
  ).option('--json', 'print as JSON');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
Nothing is lost: its state is folded from the events, and new snapshots are taken.

Examples:
  headwater aggregate snapshots delete Account a-1
  headwater aggregate snapshots delete Account/a-1 --json`,
    )
    .action(async (type: string, id: string | undefined, flags: DeleteFlags) => {
      const stream = streamOf(type, id);
      await withConnection(flags, async ({ eventStore }, signal) => {
        const deleted = await eventStore.deleteSnapshots(stream, { signal });
        await new Output().line(
          flags.json
            ? JSON.stringify({ deleted: String(deleted) })
            : `${deleted} snapshot${deleted === 1n ? '' : 's'} of ${nameOf(stream)} thrown away`,
        );
      });
    });
}
