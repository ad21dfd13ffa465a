import { Command } from 'commander';
import type { GroupState } from '../core/consumer-groups.js';
import { confirm } from './confirm.js';
import { withConnection } from './connection-options.js';
import { UsageError } from './exit-codes.js';
import {
  addGroupOptions,
  addStartOptions,
  type GroupFlags,
  groupStartFrom,
  type StartFlags,
} from './group-options.js';
import { Output } from './output.js';

type FinalFlags = GroupFlags & { readonly yes?: boolean };

export function groupResetCommand(): Command {
  return addStartOptions(addGroupOptions(new Command('reset')))
    .description('move a group to another place in the log; what was parked is forgotten')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
What lies behind the new place is delivered again, what lies before it is not delivered any more. Members go on from there
within seconds. It asks first; without a terminal, or with --json, it needs --yes.

Examples:
  headwater group reset mailer --from-start
  headwater group reset mailer --since 2h --yes`,
    )
    .action(async (name: string, flags: FinalFlags & StartFlags) => {
      const start = groupStartFrom(flags);
      if (start === undefined)
        throw new UsageError('Say where to: --from-start, --from-end, --after 1500 or --since 2h');
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        const state = await consumerGroups.get(name, { signal });
        await confirm({
          loss: `Group ${name} will be moved: ${whatIsLost(state)}`,
          word: name,
          yes: flags.yes ?? false,
          json: flags.json ?? false,
          signal,
        });
        const { position, epoch } = await consumerGroups.reset({ name, start }, { signal });
        await new Output().line(
          flags.json
            ? JSON.stringify({
                name,
                position: String(position),
                ...(epoch !== undefined && { epoch: String(epoch) }),
              })
            : `Group ${name} goes on behind position ${position}`,
        );
      });
    });
}

export function groupDeleteCommand(): Command {
  return addGroupOptions(new Command('delete'))
    .description('delete a group with all that is known about it, for good; events are not touched')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Its members end. It asks first; without a terminal, or with --json, it needs --yes.

Examples:
  headwater group delete mailer
  headwater group delete mailer --yes`,
    )
    .action(async (name: string, flags: FinalFlags) => {
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        const state = await consumerGroups.get(name, { signal });
        await confirm({
          loss: `Group ${name} will be deleted for good: ${whatIsLost(state)}`,
          word: name,
          yes: flags.yes ?? false,
          json: flags.json ?? false,
          signal,
        });
        await consumerGroups.delete(name, { signal });
        await new Output().line(flags.json ? JSON.stringify({ name }) : `Group ${name} is gone`);
      });
    });
}

function whatIsLost({ position, parked, members }: GroupState): string {
  const streams = `${parked} parked ${parked === 1n ? 'stream' : 'streams'}`;
  const who = members.length === 0 ? '' : `, under ${members.length} members that are at work`;
  return `its place at position ${position.position} and ${streams} are forgotten${who}`;
}
