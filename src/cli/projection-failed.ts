import { Command } from 'commander';
import type { ProjectionFailure } from '../core/projections.js';
import { withConnection } from './connection-options.js';
import { streamFrom } from './event-json.js';
import { Output } from './output.js';
import { printList } from './print-list.js';
import { failureToJson } from './projection-json.js';
import { addProjectionOptions, type ProjectionFlags } from './projection-options.js';
import { positive } from './selection-options.js';
import { nameOf } from './stream-argument.js';
import { shortTime } from './time.js';

interface FailedFlags extends ProjectionFlags {
  readonly limit?: bigint;
  readonly ndjson?: boolean;
}

export function projectionFailedCommand(): Command {
  return addProjectionOptions(new Command('failed'))
    .description('list the aggregates of a projection per aggregate that have failed, and why')
    .option('--ndjson', 'the same as --json')
    .option('--limit <n>', 'at most so many', positive)
    .addHelpText(
      'after',
      `
The others go on. --json prints one JSON object a line.

Examples:
  headwater projection failed carts
  headwater projection failed carts --json | jq -r .error | sort | uniq -c`,
    )
    .action(async (name: string, flags: FailedFlags) => {
      await withConnection(flags, async ({ projections }, signal) => {
        await printList<ProjectionFailure>(
          {
            what: 'failed aggregates',
            head: ['position', 'aggregate', 'attempts', 'failed', 'again', 'error'],
            rowOf: (one) => [
              String(one.position),
              nameOf(one.stream),
              String(one.attempts),
              shortTime(one.failedAt),
              one.retryAt === undefined ? '' : shortTime(one.retryAt),
              one.error,
            ],
            jsonOf: failureToJson,
            page: async (page) => {
              const { failures: entries, nextPageToken } = await projections.listFailedAggregates(
                { name, ...page },
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

interface RetryFlags extends ProjectionFlags {
  readonly stream?: string;
  readonly reset?: boolean;
}

export function projectionRetryCommand(): Command {
  return addProjectionOptions(new Command('retry'))
    .description('have failed aggregates tried again, from the event that could not be handled')
    .option('--stream <type/id>', 'only this one')
    .option('--reset', 'from its first event, without a state')
    .addHelpText(
      'after',
      `
Examples:
  headwater projection retry carts
  headwater projection retry carts --stream Cart/42 --reset`,
    )
    .action(async (name: string, flags: RetryFlags) => {
      const stream = flags.stream === undefined ? undefined : streamFrom(flags.stream);
      await withConnection(flags, async ({ projections }, signal) => {
        const aggregates = await projections.retryAggregates(
          { name, ...(stream && { stream }), reset: flags.reset ?? false },
          { signal },
        );
        await new Output().line(
          flags.json
            ? JSON.stringify({ aggregates: String(aggregates) })
            : `${aggregates} ${aggregates === 1n ? 'aggregate is' : 'aggregates are'} to be tried again`,
        );
      });
    });
}
