import { Command } from 'commander';
import type { ParkedStream } from '../core/consumer-groups.js';
import { type ConnectionFlags, withConnection } from './connection-options.js';
import { streamFrom } from './event-json.js';
import { UsageError } from './exit-codes.js';
import { parkedToJson } from './group-json.js';
import { addGroupOptions, type GroupFlags } from './group-options.js';
import { Output } from './output.js';
import { printList } from './print-list.js';
import { positive } from './selection-options.js';
import { nameOf } from './stream-argument.js';
import { shortTime } from './time.js';

interface ParkedFlags extends ConnectionFlags {
  readonly limit?: bigint;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

export function groupParkedCommand(): Command {
  return addGroupOptions(new Command('parked'))
    .description('list the streams that are parked, and why')
    .option('--ndjson', 'the same as --json')
    .option('--limit <n>', 'at most so many', positive)
    .addHelpText(
      'after',
      `
Each is held back from the event that could not be handled on. --json prints one JSON object a line.

Examples:
  headwater group parked mailer
  headwater group parked mailer --json | jq -r .reason | sort | uniq -c`,
    )
    .action(async (group: string, flags: ParkedFlags) => {
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        await printList<ParkedStream>(
          {
            what: 'parked streams',
            head: [
              'position',
              'stream',
              'version',
              'event type',
              'attempts',
              'parked',
              'replaying',
              'reason',
            ],
            rowOf: (one) => [
              String(one.position),
              nameOf(one.stream),
              String(one.version),
              one.eventType,
              String(one.attempts),
              shortTime(one.parkedAt),
              one.replaying ? 'yes' : '',
              one.reason,
            ],
            jsonOf: parkedToJson,
            page: async (page) => {
              const { parked: entries, nextPageToken } = await consumerGroups.listParked(
                { group, ...page },
                { signal },
              );
              return { entries, nextPageToken };
            },
          },
          flags,
        );
      });
    });
}

interface ReplayFlags extends GroupFlags {
  readonly stream?: string;
  readonly skipFirst?: boolean;
}

export function groupReplayCommand(): Command {
  return addGroupOptions(new Command('replay'))
    .description('have parked streams tried again, as members have room')
    .option('--stream <type/id>', 'only this one')
    .option('--skip-first', 'leave the event out that could not be handled; needs --stream')
    .addHelpText(
      'after',
      `
Their events are delivered in order, from the one that could not be handled on.

Examples:
  headwater group replay mailer
  headwater group replay mailer --stream Order/42 --skip-first`,
    )
    .action(async (group: string, flags: ReplayFlags) => {
      if (flags.skipFirst && flags.stream === undefined)
        throw new UsageError('--skip-first leaves an event out for good, so name the --stream, as Order/42');
      const stream = flags.stream === undefined ? undefined : streamFrom(flags.stream);
      await withConnection(flags, async ({ consumerGroups }, signal) => {
        const streams = await consumerGroups.replayParked(
          { group, ...(stream && { stream }), ...(flags.skipFirst && { skipFirst: true }) },
          { signal },
        );
        await new Output().line(
          flags.json
            ? JSON.stringify({ streams: String(streams) })
            : `${streams} ${streams === 1n ? 'stream is' : 'streams are'} to be tried again`,
        );
      });
    });
}
