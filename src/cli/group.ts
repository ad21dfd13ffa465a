import { Command } from 'commander';
import { groupConsumeCommand } from './group-consume.js';
import { groupCreateCommand, groupUpdateCommand } from './group-create.js';
import { groupDeleteCommand, groupResetCommand } from './group-reset.js';
import { groupGetCommand, groupListCommand } from './group-get.js';
import { groupParkedCommand, groupReplayCommand } from './group-parked.js';

/** `headwater group`: consumer groups, and what is parked in them. */
export function groupCommand(): Command {
  return new Command('group')
    .description('create, watch and operate consumer groups: subscriptions that several consumers share')
    .addCommand(groupCreateCommand())
    .addCommand(groupUpdateCommand())
    .addCommand(groupGetCommand())
    .addCommand(groupListCommand())
    .addCommand(groupConsumeCommand())
    .addCommand(groupParkedCommand())
    .addCommand(groupReplayCommand())
    .addCommand(groupResetCommand())
    .addCommand(groupDeleteCommand())
    .addHelpText(
      'after',
      `
Examples:
  headwater group create mailer --event-type OrderPlaced --from-end
  headwater group get mailer
  headwater group parked mailer
  headwater group replay mailer`,
    );
}
