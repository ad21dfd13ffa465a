import { Command } from 'commander';
import { getCommand } from './aggregate-get.js';
import { listCommand } from './aggregate-list.js';
import { snapshotsCommand } from './aggregate-snapshots.js';
import { watchCommand } from './aggregate-watch.js';

/** `headwater aggregate`: what aggregates are, now or then. */
export function aggregateCommand(): Command {
  return new Command('aggregate')
    .description('print, list and watch aggregates: their state, now or at a time')
    .addCommand(getCommand())
    .addCommand(listCommand())
    .addCommand(watchCommand())
    .addCommand(snapshotsCommand())
    .addHelpText(
      'after',
      `
Examples:
  headwater aggregate get Account a-1
  headwater aggregate get Account a-1 --at-version 3
  headwater aggregate list Account
  headwater aggregate watch Account a-1
  headwater aggregate snapshots delete Account a-1`,
    );
}
