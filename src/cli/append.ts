import { Command } from 'commander';
import type { Appended, AppendRequest, Refused } from '../core/append.js';
import { AppendConditionFailedError, WrongExpectedVersionError } from '../core/errors.js';
import type { EventStore } from '../core/event-store.js';
import { INTERVENING_BYTES } from '../core/limits.js';
import { conditionFromText } from './append-condition.js';
import { appendFile } from './append-file.js';
import { requestFromJson } from './append-input.js';
import { appendedToJson } from './appended-json.js';
import { addConnectionOptions, type ConnectionFlags, withConnection } from './connection-options.js';
import { eventToJson } from './event-json.js';
import { EventPrinter } from './event-printer.js';
import { UsageError } from './exit-codes.js';
import { keyValues, many } from './key-value.js';
import { Output } from './output.js';
import { nameOf } from './stream-argument.js';
import { plainTable } from './table.js';

interface AppendFlags extends ConnectionFlags {
  readonly expect?: string;
  readonly tag?: readonly string[];
  readonly metadata?: readonly string[];
  readonly condition?: string;
  readonly showIntervening?: boolean;
  readonly id?: string;
  readonly contentType?: string;
  readonly schemaVersion?: string;
  readonly file?: string;
  readonly inFlight: string;
  readonly json?: boolean;
  readonly ndjson?: boolean;
}

/** `headwater append`: one event from arguments, or many from a file or standard input. */
export function appendCommand(): Command {
  const command = new Command('append')
    .description('append events: one from arguments, or many as NDJSON from a file or standard input')
    .argument('[type/id]', 'the stream, for example Account/42; a slash in the type is written %2F')
    .argument('[event-type]', 'what happened, for example AccountOpened')
    .argument('[data]', 'the payload as JSON')
    .option('--expect <version>', 'a version from 1, no-stream, stream-exists or any (default: any)')
    .option('--tag <key:value>', 'a tag; repeat for several', many)
    .option('--meta, --metadata <key=value>', 'an entry of the metadata; repeat for several', many)
    .option(
      '--condition <json>',
      'refuse if an event came meanwhile that matches, in whatever stream; see below',
    )
    .option('--show-intervening', 'when refused, print the events that came between')
    .option('--id <uuid>', 'the event id, so that the same command may be repeated safely')
    .option(
      '--content-type <type>',
      'the media type of the data, which is then taken as it is and not as JSON',
    )
    .option('--schema-version <n>', "the version of the payload's shape (default: 1)")
    .option('-f, --file <path>', 'read NDJSON from this file, or from standard input with -')
    .option('--in-flight <n>', 'how many lines of a file may be under way', '256')
    .option('--json', 'print the result as JSON')
    .option('--ndjson', 'print the result of each line as JSON');
  return addConnectionOptions(command)
    .addHelpText(
      'after',
      `
A condition holds if no event behind "after" matches one of its items: has one of the types, and all of the tags.
  --condition '{"items":[{"event_types":["NameTaken"],"tags":["name:ada"]}],"after":{"position":12,"epoch":1}}'

A line of NDJSON is an event, as "headwater load --ndjson" prints it, or one atomic append over several streams:
  {"stream":"Account/42","event_type":"Opened","data":{"owner":"ada"},"tags":["owner:ada"],"expected_version":"no-stream"}
  {"streams":[{"stream":"Account/1","expected_version":3,"events":[{"event_type":"Debited","data":{"amount":5}}]},
              {"stream":"Account/2","events":[{"event_type":"Credited","data":{"amount":5}}]}]}
Either may have a "condition" of its own.
Lines are decided in order. The first that fails ends the run and is named, and so are the lines behind it that were under
way and are in the log. Ctrl-C, and a reader of the results that leaves, end it when what is under way is answered, and it
says at which line to go on. Lines with an event_id may be sent again.

Examples:
  headwater append Account/42 AccountOpened '{"owner":"ada"}' --expect no-stream --tag owner:ada
  headwater append Account/42 AccountClosed --expect 7 --show-intervening
  headwater append --file events.ndjson
  headwater load --ndjson -a old:50051 | headwater append --file - -a new:50051`,
    )
    .action(
      async (
        stream: string | undefined,
        eventType: string | undefined,
        data: string | undefined,
        flags: AppendFlags,
      ) => {
        if (flags.file !== undefined && stream !== undefined)
          throw new UsageError('Give the event as arguments or --file, not both');
        if (flags.file === undefined && (stream === undefined || eventType === undefined))
          throw new UsageError(
            'Give a stream and an event type (headwater append Account/42 AccountOpened), or --file',
          );
        if (flags.file !== undefined && (flags.condition !== undefined || flags.showIntervening))
          throw new UsageError(
            '--condition and --show-intervening are for one event; in a file a line may have its own "condition"',
          );
        const request =
          flags.file === undefined ? oneEvent(stream ?? '', eventType ?? '', data, flags) : undefined;
        await withConnection(flags, async ({ eventStore }, signal) => {
          if (request === undefined) return appendFile(eventStore, flags.file ?? '-', flags, signal);
          const output = new Output();
          const appended = flags.showIntervening
            ? await appendOrShow(eventStore, request, output, flags, signal)
            : await eventStore.append(request, { signal });
          if (flags.json || flags.ndjson) return output.line(JSON.stringify(appendedToJson(appended)));
          return output.line(describe(appended));
        });
      },
    );
}

/** The part of a request that a command line gives. */
type Given = Pick<AppendRequest, 'streams' | 'condition'>;

function oneEvent(stream: string, eventType: string, data: string | undefined, flags: AppendFlags): Given {
  const { streams } = requestFromJson({
    stream,
    expected_version: flags.expect ?? 'any',
    event_type: eventType,
    event_id: flags.id,
    tags: flags.tag,
    metadata: keyValues(flags.metadata ?? [], '--metadata'),
    ...(flags.schemaVersion === undefined ? {} : { schema_version: Number(flags.schemaVersion) }),
    ...(flags.contentType === undefined
      ? data === undefined
        ? {}
        : { data: parseData(data) }
      : { content_type: flags.contentType, data_base64: Buffer.from(data ?? '').toString('base64') }),
  });
  return {
    streams,
    ...(flags.condition === undefined ? {} : { condition: conditionFromText(flags.condition) }),
  };
}

/** Appends; when it is refused, prints what came between and throws what a plain append would. */
async function appendOrShow(
  store: EventStore,
  request: Given,
  output: Output,
  flags: AppendFlags,
  signal: AbortSignal,
): Promise<Appended> {
  const outcome = await store.append(
    { ...request, onConflict: 'RETURN', interveningBytes: INTERVENING_BYTES },
    { signal },
  );
  if (outcome.outcome === 'APPENDED') return outcome;
  await showIntervening(outcome, output, (flags.json ?? false) || (flags.ndjson ?? false));
  throw outcome.conditionFailedAt === undefined
    ? new WrongExpectedVersionError(outcome.conflicts)
    : new AppendConditionFailedError(outcome.conditionFailedAt);
}

async function showIntervening(
  { conflicts, conditionFailedAt, intervening }: Refused,
  output: Output,
  json: boolean,
): Promise<void> {
  const { events = [], truncated = false } = intervening ?? {};
  if (json)
    return output.line(
      JSON.stringify({
        refused: true,
        conflicts: conflicts.map(({ stream, expected, actual }) => ({
          stream: { aggregate_type: stream.aggregateType, aggregate_id: stream.aggregateId },
          expected: String(expected),
          actual: String(actual),
        })),
        ...(conditionFailedAt === undefined ? {} : { condition_failed_at: String(conditionFailedAt) }),
        intervening: events.map(eventToJson),
        truncated,
      }),
    );
  await new EventPrinter(output, 'table').print(events);
  if (truncated) await output.line('… and more, which have no room here');
}

function parseData(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch (error) {
    throw new UsageError(
      `The data ${JSON.stringify(data.slice(0, 60))} is not JSON (${(error as Error).message}); for other data say --content-type`,
      { cause: error },
    );
  }
}

function describe(appended: Appended): string {
  return plainTable(
    ['stream', 'version', 'position', 'event id', ''],
    appended.versions.map(({ stream, version }, index) => [
      nameOf(stream),
      String(version),
      String(appended.lastPosition),
      appended.eventIds[index] ?? '',
      appended.deduplicated ? 'was in the log already' : '',
    ]),
  );
}
