import type { Command } from 'commander';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { StreamChanged, StreamChangeRequest } from '../core/stream-changes.js';
import type { StreamInfo } from '../core/stream.js';
import { addConnectionOptions, type ConnectionFlags } from './connection-options.js';
import { UsageError } from './exit-codes.js';
import { keyValues, many } from './key-value.js';
import type { Output } from './output.js';
import { nameOf } from './stream-argument.js';
import { plainTable } from './table.js';
import { isoTime } from './time.js';

/** What all changes of a stream can be told. */
export interface ChangeFlags extends ConnectionFlags {
  readonly expectedVersion?: string;
  readonly eventId?: string;
  readonly metadata?: readonly string[];
  readonly json?: boolean;
}

/** As {@link ChangeFlags}, of a change that cannot be undone. */
export interface FinalChangeFlags extends ChangeFlags {
  readonly yes?: boolean;
}

export const CHANGE_HELP = `
The change is an event of its own in the stream. Without --expected-version the version that the stream has now is read and
expected, so that nothing is hit that nobody has seen. With --event-id the same command may be repeated: the change is made
once.`;

export const FINAL_HELP = `
What is lost is told first, and the aggregate id has to be typed; without a terminal, or with --json, it needs --yes.
Backups, and whoever has read the events, keep their copies: docs/erasure.md.`;

export function addChangeOptions(command: Command): Command {
  return addConnectionOptions(
    command
      .option(
        '--expected-version <version>',
        'a version from 1, exists or any (default: the one that it has now)',
      )
      .option('--event-id <uuid>', 'the id of the event that records the change, so that it may be repeated')
      .option('--metadata <key=value>', "an entry of that event's metadata, as actor=ada; repeatable", many)
      .option('--json', 'print the result as JSON'),
  );
}

export function addFinalChangeOptions(command: Command): Command {
  return addChangeOptions(command).option('--yes', 'do not ask');
}

/** Throws `UsageError`. */
export function changeRequest(info: StreamInfo, flags: ChangeFlags): StreamChangeRequest {
  const expected = expectedFrom(flags.expectedVersion);
  const metadata = keyValues(flags.metadata ?? [], '--metadata');
  if (expected === undefined && !flags.json)
    process.stderr.write(`${nameOf(info.stream)} is at version ${info.version}\n`);
  return {
    stream: info.stream,
    expectedVersion: expected ?? info.version,
    ...(flags.eventId === undefined ? {} : { eventId: flags.eventId }),
    ...(flags.metadata === undefined ? {} : { metadata }),
  };
}

function expectedFrom(value: string | undefined): ExpectedVersion | undefined {
  switch (value) {
    case undefined:
      return undefined;
    case 'exists':
    case 'stream-exists':
      return 'STREAM_EXISTS';
    case 'any':
      return 'ANY';
    default:
      if (/^[1-9]\d{0,18}$/.test(value)) return BigInt(value);
      throw new UsageError(
        `--expected-version ${JSON.stringify(value)} is none: write a version from 1, exists or any`,
      );
  }
}

/** Prints what was done, and what a person should know of it besides. */
export async function printChanged(
  output: Output,
  changed: StreamChanged,
  { what, note, json }: { readonly what: string; readonly note?: string; readonly json: boolean },
): Promise<void> {
  if (json) return output.line(JSON.stringify(toJson(changed)));
  await output.line(
    plainTable(
      ['stream', 'change', 'version', 'position', 'event id', ''],
      [
        [
          nameOf(changed.stream),
          what,
          String(changed.version),
          String(changed.position),
          changed.eventId,
          changed.deduplicated ? 'was done already' : '',
        ],
      ],
    ),
  );
  if (note !== undefined) await output.line(note);
}

function toJson(changed: StreamChanged): Record<string, unknown> {
  return {
    stream: { aggregate_type: changed.stream.aggregateType, aggregate_id: changed.stream.aggregateId },
    version: String(changed.version),
    position: String(changed.position),
    epoch: String(changed.epoch),
    event_id: changed.eventId,
    recorded_at: isoTime(changed.recordedAt),
    deduplicated: changed.deduplicated,
  };
}

/** What a person should know once events are gone. */
export const COPIES_STAY =
  'Backups, and relays and whoever else has read the events, keep their copies: see docs/erasure.md';

/** `1 event`, `2 events`. */
export function events(count: bigint): string {
  return `${count} event${count === 1n ? '' : 's'}`;
}
