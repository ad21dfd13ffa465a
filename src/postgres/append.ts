import type { AppendOutcome, VersionConflict } from '../core/append.js';
import { EventIdReusedError } from '../core/errors.js';
import { type ExpectedVersion, expectedVersionHolds } from '../core/expected-version.js';
import { type StreamVersion, streamKey } from '../core/stream.js';
import { byteaArray, int4Array, int8Array, jsonbArray, textArray, uuidArray } from './binary-array.js';
import type { Database, Row } from './database.js';
import type { PreparedAppend, PreparedEvent } from './prepared-append.js';
import { quotedSchema } from './schema.js';

/** What became of one request of a group. */
export type Verdict = AppendOutcome | EventIdReusedError;

/**
 * Runs the append function for a group: one statement, one transaction, one round trip. Resolves when it is committed, with
 * a verdict for each request in order. No two requests may share an event id.
 */
export async function append(
  database: Database,
  schema: string,
  group: readonly PreparedAppend[],
): Promise<readonly Verdict[]> {
  const rows = await database.query('append', statement(schema), parameters(group));
  const [row] = rows;
  if (row === undefined) throw new Error('The append function gave no row');
  return verdicts(group, row);
}

function statement(schema: string): string {
  return (
    'SELECT verdicts, entry_versions::text, head_before, (extract(epoch FROM recorded_at) * 1000000)::bigint, epoch, repeats ' +
    `FROM ${quotedSchema(schema)}.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`
  );
}

function parameters(group: readonly PreparedAppend[]): readonly Buffer[] {
  const streams = new Map<string, number>();
  const aggregateTypes: string[] = [];
  const aggregateIds: string[] = [];
  const requestEntries: number[] = [];
  const entryStreams: number[] = [];
  const entryExpected: bigint[] = [];
  const entryEvents: number[] = [];
  const eventEntries: number[] = [];
  const events: PreparedEvent[] = [];
  for (const { entries } of group) {
    requestEntries.push(entries.length);
    for (const entry of entries) {
      const key = streamKey(entry.stream);
      let index = streams.get(key);
      if (index === undefined) {
        aggregateTypes.push(entry.stream.aggregateType);
        aggregateIds.push(entry.stream.aggregateId);
        index = aggregateTypes.length;
        streams.set(key, index);
      }
      entryStreams.push(index);
      entryExpected.push(expectedNumber(entry.expected));
      entryEvents.push(entry.events.length);
      for (const event of entry.events) {
        eventEntries.push(entryStreams.length);
        events.push(event);
      }
    }
  }
  return [
    textArray(aggregateTypes),
    textArray(aggregateIds),
    int4Array(requestEntries),
    int4Array(entryStreams),
    int8Array(entryExpected),
    int4Array(entryEvents),
    int4Array(eventEntries),
    uuidArray(events.map(({ id }) => id)),
    textArray(events.map(({ type }) => type)),
    byteaArray(events.map(({ data }) => data)),
    byteaArray(events.map(({ hash }) => hash)),
    textArray(events.map(({ contentType }) => contentType)),
    jsonbArray(events.map(({ metadata }) => metadata)),
    textArray(events.map(({ tags }) => tags)),
    int4Array(events.map(({ schemaVersion }) => schemaVersion)),
  ];
}

function expectedNumber(expected: ExpectedVersion): bigint {
  switch (expected) {
    case 'NO_STREAM':
      return 0n;
    case 'STREAM_EXISTS':
      return -1n;
    case 'ANY':
      return -2n;
    default:
      return expected;
  }
}

interface Repeat {
  readonly reused?: { readonly event_id: string; readonly position: string };
  readonly first_position: string;
  readonly last_position: string;
  readonly recorded_at: string;
  readonly versions: readonly [string, string, string][];
}

function verdicts(group: readonly PreparedAppend[], row: Row): readonly Verdict[] {
  const [letters = '', versionsText, headBefore, recordedAtText, epochText, repeatsText] = row;
  // As '{1,2,3}'.
  const versions = (versionsText ?? '{}').slice(1, -1).split(',');
  const recordedAt = BigInt(recordedAtText ?? 0);
  const epoch = BigInt(epochText ?? 0);
  const repeats = JSON.parse(repeatsText ?? '[]') as Repeat[];
  let position = BigInt(headBefore ?? 0);
  let entryIndex = 0;
  return group.map((prepared, index): Verdict => {
    const actual = prepared.entries.map(() => BigInt(versions[entryIndex++] ?? 0));
    switch (letters?.[index]) {
      case 'A': {
        const firstPosition = prepared.events > 0 ? position + 1n : 0n;
        position += BigInt(prepared.events);
        return {
          outcome: 'APPENDED',
          firstPosition,
          lastPosition: prepared.events > 0 ? position : 0n,
          versions: writtenVersions(prepared, actual),
          eventIds: prepared.eventIds,
          recordedAt: prepared.events > 0 ? recordedAt : undefined,
          epoch,
          deduplicated: false,
        };
      }
      case 'R':
        return { outcome: 'REFUSED', conflicts: conflicts(prepared, actual) };
      default: {
        const repeat = repeats.shift();
        if (repeat === undefined) throw new Error(`The append function gave no verdict for request ${index}`);
        if (repeat.reused)
          return new EventIdReusedError(repeat.reused.event_id, BigInt(repeat.reused.position));
        return {
          outcome: 'APPENDED',
          firstPosition: BigInt(repeat.first_position),
          lastPosition: BigInt(repeat.last_position),
          versions: repeat.versions.map(([aggregateType, aggregateId, version]) => ({
            stream: { aggregateType, aggregateId },
            version: BigInt(version),
          })),
          eventIds: prepared.eventIds,
          recordedAt: BigInt(repeat.recorded_at),
          epoch,
          deduplicated: true,
        };
      }
    }
  });
}

function writtenVersions(prepared: PreparedAppend, actual: readonly bigint[]): readonly StreamVersion[] {
  const written: StreamVersion[] = [];
  prepared.entries.forEach(({ stream, events }, index) => {
    if (events.length > 0) written.push({ stream, version: actual[index] ?? 0n });
  });
  return written;
}

function conflicts(prepared: PreparedAppend, actual: readonly bigint[]): readonly VersionConflict[] {
  const failed: VersionConflict[] = [];
  prepared.entries.forEach(({ stream, expected }, index) => {
    const version = actual[index] ?? 0n;
    if (!expectedVersionHolds(expected, version)) failed.push({ stream, expected, actual: version });
  });
  return failed;
}
