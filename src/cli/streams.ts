import { Command } from 'commander';
import type { StreamInfo } from '../core/stream.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { UsageError } from './exit-codes.js';
import { describeRetention } from './retention.js';
import { printList } from './print-list.js';
import { positive } from './selection-options.js';
import { streamToJson } from './stream-json.js';
import { shortTime } from './time.js';

interface StreamsFlags extends ConnectionFlags {
  readonly prefix?: string;
  readonly deleted?: boolean;
  readonly all?: boolean;
  readonly limit?: bigint;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

const COLUMNS = ['type', 'id', 'version', 'first', 'created', 'updated', 'deleted', 'keeps'];

/** `headwater streams`: lists them, page by page. */
export function streamsCommand(): Command {
  const command = new Command('streams')
    .description('list streams by aggregate type and id')
    .argument('[type]', 'only of this aggregate type')
    .option('--prefix <text>', 'only those whose id begins so; needs a type')
    .option('--deleted', 'only deleted ones')
    .option('--all', 'deleted ones too')
    .option('--limit <n>', 'at most so many', positive)
    .option('--json', 'print one JSON object a line')
    .option('--ndjson', 'the same as --json');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
A stream that is there during the whole listing is listed exactly once, whatever is written meanwhile. "first" is the lowest
version that a read of the stream still shows.

Examples:
  headwater streams
  headwater streams Account --prefix 2026- --limit 20
  headwater streams --deleted --json | jq -r .stream.aggregate_id`,
    )
    .action(async (type: string | undefined, flags: StreamsFlags) => {
      if (flags.deleted && flags.all)
        throw new UsageError(
          '--deleted lists only deleted streams and --all all: only one of them can stand',
        );
      if (flags.prefix !== undefined && type === undefined)
        throw new UsageError(
          `--prefix ${flags.prefix} needs a type, since ids are looked for within one: headwater streams Account ` +
            `--prefix ${flags.prefix}`,
        );
      const request = {
        ...(type === undefined ? {} : { aggregateType: type }),
        ...(flags.prefix === undefined ? {} : { aggregateIdPrefix: flags.prefix }),
        deleted: flags.deleted ? ('ONLY' as const) : flags.all ? ('INCLUDE' as const) : ('EXCLUDE' as const),
      };
      await withConnection(flags, async ({ eventStore }, signal) => {
        await printList<StreamInfo>(
          {
            what: 'streams',
            head: COLUMNS,
            rowOf,
            jsonOf: streamToJson,
            page: async (page) => {
              const { streams: entries, nextPageToken } = await eventStore.listStreams(
                { ...request, ...page },
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

function rowOf(info: StreamInfo): readonly string[] {
  const { maxAge, maxCount } = info.retention;
  return [
    info.stream.aggregateType,
    info.stream.aggregateId,
    String(info.version),
    String(info.firstVersion),
    shortTime(info.createdAt),
    shortTime(info.updatedAt),
    info.deletedAt === undefined ? '' : shortTime(info.deletedAt),
    maxAge === undefined && maxCount === undefined ? '' : describeRetention(info.retention),
  ];
}
