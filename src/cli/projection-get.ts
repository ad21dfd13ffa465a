import { Command } from 'commander';
import type { Projection, ProjectionGeneration } from '../core/projections.js';
import { systemRuntime } from '../system.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { Output } from './output.js';
import { printList } from './print-list.js';
import { describeFailure, projectionToJson } from './projection-json.js';
import { addProjectionOptions, type ProjectionFlags } from './projection-options.js';
import { positive } from './selection-options.js';
import { TablePrinter } from './table.js';
import { isoTime } from './time.js';

interface ListFlags extends ConnectionFlags {
  readonly limit?: bigint;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

export function projectionListCommand(): Command {
  return addConnectionOptions(new Command('list'))
    .description('list the projections by name: status, position, lag, who runs them')
    .option('--limit <n>', 'at most so many', positive)
    .option('--json', 'print one JSON object a line')
    .option('--ndjson', 'the same as --json')
    .addHelpText(
      'after',
      '\nExamples:\n  headwater projection list\n  headwater projection list --json | jq -r "select(.status == \\"FAILED\\").name"',
    )
    .action(async (flags: ListFlags) => {
      await withConnection(flags, async ({ projections }, signal) => {
        await printList<Projection>(
          {
            what: 'projections',
            head: ['projection', 'kind', 'status', 'position', 'lag', 'building', 'failed', 'runner'],
            rowOf: ({ name, kind, status, live, building, failedAggregates }) => [
              name,
              words(kind),
              words(status),
              String(live.position.position),
              String(live.lag),
              building === undefined ? '' : String(building.position.position),
              failedAggregates === 0n ? '' : String(failedAggregates),
              live.runner,
            ],
            jsonOf: projectionToJson,
            page: async (page) => {
              const { projections: entries, nextPageToken } = await projections.list(page, { signal });
              return { entries, nextPageToken };
            },
          },
          flags,
        );
      });
    });
}

interface GetFlags extends ProjectionFlags {
  readonly watch?: boolean;
  readonly count?: bigint;
}

const WATCH_MILLISECONDS = 1000;

export function projectionGetCommand(): Command {
  return addProjectionOptions(new Command('get'))
    .description('tell how a projection is doing: status, position, lag, runner, what went wrong last')
    .option('--watch', 'look every second and print a line, or with --json an object, until Ctrl-C')
    .option('--count <n>', 'with --watch: end after so many', positive)
    .addHelpText(
      'after',
      `
The lag counts positions of the log, whether or not the projection is about their events.

Examples:
  headwater projection get balances
  headwater projection get balances --watch
  headwater projection get balances --json | jq -r .live.lag`,
    )
    .action(async (name: string, flags: GetFlags) => {
      await withConnection(flags, async ({ projections }, signal) => {
        const output = new Output();
        const table = new TablePrinter(output, { head: ['position', 'lag', 'status', 'building', 'runner'] });
        for (let shown = 1n; ; shown++) {
          const projection = await projections.get(name, { signal });
          if (flags.json) await output.line(JSON.stringify(projectionToJson(projection)));
          else if (flags.watch) await table.print([watchedRow(projection)]);
          else await output.line(describeProjection(projection));
          if (!flags.watch || shown === flags.count || output.gone) return;
          await systemRuntime.sleep(WATCH_MILLISECONDS, signal);
        }
      });
    });
}

function watchedRow({ building, live, status }: Projection): readonly string[] {
  return [
    String(live.position.position),
    String(live.lag),
    words(status),
    building === undefined ? '' : String(building.position.position),
    live.runner,
  ];
}

/** For people: what is known, a line each. */
export function describeProjection(projection: Projection): string {
  const { building, createdAt, failedAggregates, kind, live, name, status } = projection;
  const lines = [
    ['projection', name],
    ['kind', words(kind)],
    ['status', words(status)],
    ...describeGeneration(live),
    ...(kind === 'AGGREGATES' ? [['failed', `${failedAggregates} aggregates`]] : []),
    ['created', isoTime(createdAt)],
    ...(building ? [['', ''], ['building', ''], ...describeGeneration(building)] : []),
  ];
  return lines.map(([title = '', value = '']) => `${title.padEnd(12)}${value}`.trimEnd()).join('\n');
}

function describeGeneration(one: ProjectionGeneration): readonly string[][] {
  const { position, epoch } = one.position;
  const runner = one.runner === '' ? 'nobody' : `${one.runner} (fence ${one.fence})`;
  const metrics = Object.entries(one.metrics).map(([name, value]) => `${name} ${value}`);
  return [
    ['generation', `${one.generation}, of version ${one.definitionVersion}`],
    ['position', `${position}${epoch === undefined ? '' : `@${epoch}`}`],
    ['lag', String(one.lag)],
    ['runner', runner],
    ...(one.reportedAt === undefined ? [] : [['reported', isoTime(one.reportedAt)]]),
    ...(one.failure ? [['failure', describeFailure(one.failure)]] : []),
    ...(one.comparison === '' ? [] : [['differs', one.comparison]]),
    ...(metrics.length === 0 ? [] : [['counts', metrics.join(', ')]]),
  ];
}

/** `READ_MODEL` as `read model`. */
function words(constant: string): string {
  return constant.toLowerCase().replaceAll('_', ' ');
}
