import { Command } from 'commander';
import { withConnection } from './connection-options.js';
import { UsageError } from './exit-codes.js';
import { groupToJson } from './group-json.js';
import {
  addGroupOptions,
  addSettingsOptions,
  addStartOptions,
  type GroupFlags,
  groupStartFrom,
  number,
  selectionFrom,
  settingsFrom,
  type SettingsFlags,
  type StartFlags,
} from './group-options.js';
import { Output } from './output.js';
import { addSelectionOptions, SELECTION_HELP, type SelectionFlags } from './selection-options.js';

type CreateFlags = GroupFlags & SelectionFlags & SettingsFlags & StartFlags & { readonly slots?: number };

export function groupCreateCommand(): Command {
  const command = addStartOptions(addGroupOptions(new Command('create')))
    .description('create a group, or find the very same there')
    .option(
      '--slots <n>',
      'into how many the streams are shared out; cannot be changed (default 64)',
      number,
    );
  return addSelectionOptions(addSettingsOptions(command))
    .addHelpText(
      'after',
      `${SELECTION_HELP}

It begins at the first event unless something else is said. A group that is there already is not moved.

Examples:
  headwater group create mailer --event-type OrderPlaced --from-end
  headwater group create audit --aggregate-type Account --slots 1 --ack-timeout 5m`,
    )
    .action(async (name: string, flags: CreateFlags) => {
      const selection = selectionFrom(flags);
      const settings = settingsFrom(flags);
      const start = groupStartFrom(flags);
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        const { created, ...group } = await consumerGroups.create(
          {
            name,
            ...(selection && { selection }),
            ...(settings && { settings }),
            ...(start && { start }),
            ...(flags.slots !== undefined && { slots: flags.slots }),
          },
          { signal },
        );
        await new Output().line(
          flags.json
            ? JSON.stringify({ ...groupToJson(group), created })
            : `Group ${name} is there${created ? '' : ' already, and the same'}`,
        );
      });
    });
}

type UpdateFlags = GroupFlags & SelectionFlags & SettingsFlags & { readonly all?: boolean };

export function groupUpdateCommand(): Command {
  const command = addGroupOptions(new Command('update'))
    .description('change which events a group is about, or how it delivers')
    .option('--all', 'be about the whole log');
  return addSelectionOptions(addSettingsOptions(command))
    .addHelpText(
      'after',
      `${SELECTION_HELP}

What is said about events replaces what was said before; settings that are left out stay as they are. Members go on with what
is new within seconds. Where a group stands does not change: events that it has passed do not come again.

Examples:
  headwater group update mailer --event-type OrderPlaced --event-type OrderCancelled
  headwater group update mailer --max-attempts 3 --retry-delay 5s`,
    )
    .action(async (name: string, flags: UpdateFlags) => {
      const said = selectionFrom(flags);
      if (flags.all && said !== undefined)
        throw new UsageError('--all is about every event, so no other choice of events can stand beside it');
      const selection = flags.all ? {} : said;
      const changed = settingsFrom(flags);
      if (selection === undefined && changed === undefined)
        throw new UsageError('Say what to change, as --event-type OrderPlaced, --all or --max-attempts 3');
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        // An update takes all settings.
        const settings = changed && {
          ...(await consumerGroups.get(name, { signal })).group.settings,
          ...changed,
        };
        const group = await consumerGroups.update(
          { name, ...(selection && { selection }), ...(settings && { settings }) },
          { signal },
        );
        await new Output().line(flags.json ? JSON.stringify(groupToJson(group)) : `Group ${name} is changed`);
      });
    });
}
