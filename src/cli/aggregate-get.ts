import { Command } from 'commander';
import type { AggregateInfo, AggregateMoment, AggregateView } from '../core/aggregate.js';
import type { Snapshot } from '../core/snapshot.js';
import { systemRuntime } from '../system.js';
import { aggregateToJson, jsonWithState, snapshotToJson, stateText } from './aggregate-json.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { eventToJson } from './event-json.js';
import { EventPrinter } from './event-printer.js';
import { UsageError } from './exit-codes.js';
import { Output } from './output.js';
import { logPositionFrom } from './position.js';
import { positive } from './selection-options.js';
import { addStreamArgument, nameOf, streamOf } from './stream-argument.js';
import { isoTime, timeFrom } from './time.js';

interface GetFlags extends ConnectionFlags {
  readonly atVersion?: bigint;
  readonly atPosition?: bigint;
  readonly atTime?: string;
  readonly includeDeleted?: boolean;
  readonly minPosition?: string;
  readonly json?: boolean;
}

/** Milliseconds for all events: somebody may page through them. */
const READING = 600_000;

/** `headwater aggregate get`: its state, now or then. */
export function getCommand(): Command {
  const command = addStreamArgument(
    new Command('get').description(
      'print the state of an aggregate: folded where the service has its domain, else snapshot and events',
    ),
  )
    .option('--at-version <n>', 'as it was at this version', positive)
    .option('--at-position <n>', 'as it was when the log was at this position', positive)
    .option('--at-time <time>', 'as it was at this time (ISO 8601, or 15m, 2h, 7d ago)')
    .option('--include-deleted', 'also one that is deleted')
    .option(
      '--min-position <position[@epoch]>',
      'wait until the log has come so far, for five seconds at most',
    )
    .option('--json', 'print as JSON');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  headwater aggregate get Account a-1
  headwater aggregate get Account/a-1 --at-version 3 --json | jq .state
  headwater aggregate get Account a-1 --at-time 2h`,
    )
    .action(async (type: string, id: string | undefined, flags: GetFlags) => {
      const aggregate = streamOf(type, id);
      const at = momentFrom(flags);
      const request = {
        aggregate,
        ...(at === undefined ? {} : { at }),
        ...(flags.includeDeleted ? { includeDeleted: true } : {}),
        ...(flags.minPosition === undefined
          ? {}
          : { minPosition: logPositionFrom(flags.minPosition, '--min-position') }),
      };
      await withConnection(flags, async ({ aggregates, waitForReady }, signal) => {
        // A service that is away is told of soon, however long there is time for the events.
        await waitForReady({ signal });
        const views = aggregates.get(request, { signal, timeoutMilliseconds: READING });
        await (flags.json ? printJson : print)(new Output(), views);
      });
    });
}

function momentFrom({ atPosition, atTime, atVersion }: GetFlags): AggregateMoment | undefined {
  const moments: AggregateMoment[] = [];
  if (atVersion !== undefined) moments.push({ kind: 'VERSION', version: atVersion });
  if (atPosition !== undefined) moments.push({ kind: 'POSITION', position: atPosition });
  if (atTime !== undefined) moments.push({ kind: 'TIME', time: timeFrom(atTime, systemRuntime.now()) });
  if (moments.length > 1)
    throw new UsageError('Of --at-version, --at-position and --at-time only one can stand');
  return moments[0];
}

/** One object, written as its parts come, since the events may be many. */
async function printJson(output: Output, views: AsyncIterable<AggregateView>): Promise<void> {
  let printed = 0;
  for await (const { events, info, snapshot, state } of views) {
    if (info !== undefined) {
      const json = aggregateToJson(info);
      if (state !== undefined) return output.line(jsonWithState(json, state));
      const kept = snapshot === undefined ? {} : { snapshot: snapshotToJson(snapshot) };
      await output.write(`${JSON.stringify({ ...json, ...kept }).slice(0, -1)},"events":[`);
    }
    if (events.length > 0)
      await output.write(
        (printed === 0 ? '\n' : ',\n') + events.map((one) => JSON.stringify(eventToJson(one))).join(',\n'),
      );
    printed += events.length;
    if (output.gone) return;
  }
  await output.line(']}');
}

async function print(output: Output, views: AsyncIterable<AggregateView>): Promise<void> {
  const printer = new EventPrinter(output, 'table');
  for await (const { events, info, snapshot, state } of views) {
    if (info !== undefined) await output.line(describe(info));
    if (state !== undefined) return output.line(`state      ${indented(stateText(state))}`);
    if (info !== undefined) await output.line(`state      ${describeUnfolded(snapshot)}`);
    await printer.print(events);
    if (output.gone) return;
  }
}

function describe(info: AggregateInfo): string {
  const time = (one: AggregateInfo['createdAt']) => (one === undefined ? 'never' : isoTime(one));
  return [
    ['aggregate', nameOf(info.aggregate)],
    ['version', String(info.version)],
    ['created', time(info.createdAt)],
    ['updated', time(info.updatedAt)],
    ['deleted', info.deleted ? 'yes' : 'no'],
  ]
    .map(([name = '', value]) => `${name.padEnd(11)}${value}`)
    .join('\n');
}

function describeUnfolded(snapshot: Snapshot | undefined): string {
  const why = 'not folded, since no domain in the service knows how';
  if (snapshot === undefined) return `${why}; its events:`;
  const { contentType, data, version } = snapshot;
  return `${why}; a snapshot of version ${version} (${data.byteLength} bytes, ${contentType}), and behind it:`;
}

/** Below its name, as far to the right. */
function indented(json: string): string {
  return JSON.stringify(JSON.parse(json), null, 2).replaceAll('\n', `\n${' '.repeat(11)}`);
}
