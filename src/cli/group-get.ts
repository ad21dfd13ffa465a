import { Command } from 'commander';
import type { ConsumerGroup, GroupState } from '../core/consumer-groups.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { describeDuration } from './duration.js';
import { describeSelection, groupStateToJson, groupToJson } from './group-json.js';
import { addGroupOptions, type GroupFlags } from './group-options.js';
import { Output } from './output.js';
import { printList } from './print-list.js';
import { positive } from './selection-options.js';
import { plainTable } from './table.js';
import { isoTime, shortTime } from './time.js';

export function groupGetCommand(): Command {
  return addGroupOptions(new Command('get'))
    .description('tell how a group is doing: position, lag, members, how much is parked')
    .addHelpText(
      'after',
      `
The lag counts positions of the log, whether or not the group is about their events.

Examples:
  headwater group get mailer
  headwater group get mailer --json | jq -r .lag`,
    )
    .action(async (name: string, flags: GroupFlags) => {
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        const state = await consumerGroups.get(name, { signal });
        await new Output().line(flags.json ? JSON.stringify(groupStateToJson(state)) : describe(state));
      });
    });
}

interface ListFlags extends ConnectionFlags {
  readonly limit?: bigint;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

export function groupListCommand(): Command {
  return addConnectionOptions(new Command('list'))
    .description('list the groups by name')
    .option('--limit <n>', 'at most so many', positive)
    .option('--json', 'print one JSON object a line')
    .option('--ndjson', 'the same as --json')
    .addHelpText('after', '\nExamples:\n  headwater group list\n  headwater group list --json | jq -r .name')
    .action(async (flags: ListFlags) => {
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        await printList<ConsumerGroup>(
          {
            what: 'groups',
            head: ['group', 'slots', 'ack timeout', 'attempts', 'created', 'about'],
            rowOf: ({ name, slots, settings, createdAt, selection }) => [
              name,
              String(slots),
              duration(settings.ackTimeoutMs),
              String(settings.maxAttempts),
              shortTime(createdAt),
              describeSelection(selection),
            ],
            jsonOf: groupToJson,
            page: async (page) => {
              const { groups: entries, nextPageToken } = await consumerGroups.list(page, { signal });
              return { entries, nextPageToken };
            },
          },
          flags,
        );
      });
    });
}

function describe({ group, position, lag, members, parked }: GroupState): string {
  const { ackTimeoutMs, maxAttempts, retryDelayMs, maxRetryDelayMs } = group.settings;
  const lines = [
    ['group', group.name],
    ['about', describeSelection(group.selection)],
    ['position', `${position.position}${position.epoch === undefined ? '' : `@${position.epoch}`}`],
    ['lag', String(lag)],
    ['parked', `${parked} ${parked === 1n ? 'stream' : 'streams'}`],
    ['slots', String(group.slots)],
    ['ack timeout', duration(ackTimeoutMs)],
    ['attempts', `${maxAttempts}, ${duration(retryDelayMs)} to ${duration(maxRetryDelayMs)} apart`],
    ['created', isoTime(group.createdAt)],
    ['members', String(members.length)],
  ].map(([name = '', value = '']) => `${name.padEnd(12)}${value}`);
  if (members.length === 0) return lines.join('\n');
  const table = plainTable(
    ['member', 'slots', 'joined', 'name'],
    members.map((one) => [one.memberId, String(one.slots), shortTime(one.joinedAt), one.name]),
  );
  return [...lines, '', table].join('\n');
}

function duration(milliseconds: number): string {
  return describeDuration(BigInt(milliseconds) * 1000n);
}
