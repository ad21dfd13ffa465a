import { Command } from 'commander';
import type { AggregateInfo } from '../core/aggregate.js';
import { aggregateToJson } from './aggregate-json.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { UsageError } from './exit-codes.js';
import { printList } from './print-list.js';
import { positive } from './selection-options.js';
import { shortTime } from './time.js';

interface ListFlags extends ConnectionFlags {
  readonly deleted?: boolean;
  readonly all?: boolean;
  readonly limit?: bigint;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

/** `headwater aggregate list`: page by page, so that it may be long. */
export function listCommand(): Command {
  const command = new Command('list')
    .description('list the aggregates of a type by id')
    .argument('<type>', 'the aggregate type')
    .option('--deleted', 'only deleted ones')
    .option('--all', 'deleted ones too')
    .option('--limit <n>', 'at most so many', positive)
    .option('--json', 'print one JSON object a line')
    .option('--ndjson', 'the same as --json');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
An aggregate that is there during the whole listing is listed exactly once, whatever is written meanwhile.

Examples:
  headwater aggregate list Account --limit 20
  headwater aggregate list Account --json | jq -r .aggregate.aggregate_id`,
    )
    .action(async (aggregateType: string, flags: ListFlags) => {
      if (flags.deleted && flags.all)
        throw new UsageError(
          '--deleted lists only deleted aggregates and --all all: only one of them can stand',
        );
      const deleted = flags.deleted ? 'ONLY' : flags.all ? 'INCLUDE' : 'EXCLUDE';
      await withConnection(flags, async ({ aggregates }, signal) => {
        await printList<AggregateInfo>(
          {
            what: 'aggregates',
            head: ['id', 'version', 'created', 'updated', 'deleted'],
            rowOf,
            jsonOf: aggregateToJson,
            page: async (page) => {
              const { aggregates: entries, nextPageToken } = await aggregates.list(
                { aggregateType, deleted, ...page },
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

function rowOf({ aggregate, createdAt, deleted, updatedAt, version }: AggregateInfo): readonly string[] {
  return [
    aggregate.aggregateId,
    String(version),
    createdAt === undefined ? '' : shortTime(createdAt),
    updatedAt === undefined ? '' : shortTime(updatedAt),
    deleted ? 'yes' : '',
  ];
}
