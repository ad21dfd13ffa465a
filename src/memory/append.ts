import type { Appended, AppendOutcome, AppendRequest, Refused, VersionConflict } from '../core/append.js';
import { matchesCondition } from '../core/append-condition.js';
import { PositionUnknownError, StreamDeletedError } from '../core/errors.js';
import { DEFAULT_CONTENT_TYPE, type Event, type Microseconds, type NewEvent } from '../core/event.js';
import { expectedVersionHolds } from '../core/expected-version.js';
import { receivedData } from '../core/received-data.js';
import type { Runtime } from '../core/runtime.js';
import { type StreamVersion, streamKey } from '../core/stream.js';
import { findRepeatOfCommand, keepCommand } from './commands.js';
import { expire } from './expire.js';
import { fingerprint } from './fingerprint.js';
import { findRepeat } from './repeat.js';
import { type Draft, EPOCH, type Tables, versionOf } from './tables.js';

type Entry = Omit<AppendRequest['streams'][number], 'events'> & { readonly events: readonly Draft[] };

/**
 * Decides and writes at once; the request is validated already. Throws `CommandIdReusedError`, `EventIdReusedError`,
 * `StreamDeletedError` and `PositionUnknownError`.
 */
export function append(tables: Tables, runtime: Runtime, request: AppendRequest): AppendOutcome {
  const now = runtime.now();
  tables.expireAged(now);
  const { command } = request;
  const before = command && findRepeatOfCommand(tables, command);
  if (before) return { ...appended(before.events, true), commandResult: before.command.result };
  const streams: Entry[] = request.streams.map(({ events, ...entry }) => ({
    ...entry,
    events: events.map((event) => draft(event, event.eventId?.toLowerCase() ?? runtime.newEventId())),
  }));
  const given = streams.flatMap(({ stream, events }) => events.map((event) => ({ stream, ...event })));
  const repeated = findRepeat(tables, given);
  if (repeated) return appended(repeated, true);
  const refused = refusal(tables, streams, request.condition);
  if (refused) return refused;
  const written = write(tables, now, streams);
  const answer = appended(written, false);
  if (command) keepCommand(tables, command, answer, tables.recordedAt(now));
  return answer;
}

function refusal(
  tables: Tables,
  streams: readonly Entry[],
  condition: AppendRequest['condition'],
): Refused | undefined {
  const conflicts: VersionConflict[] = [];
  for (const { stream, expectedVersion } of streams) {
    const state = tables.stream(stream);
    const deleted = state?.deletedAt !== undefined;
    if (deleted && expectedVersion !== 'NO_STREAM') throw new StreamDeletedError({ ...stream });
    const actual = versionOf(state);
    if (!expectedVersionHolds(expectedVersion, actual, deleted))
      conflicts.push({ stream: { ...stream }, expected: expectedVersion, actual });
  }
  if (conflicts.length > 0) return { outcome: 'REFUSED', conflicts };
  if (condition === undefined) return undefined;
  const { position, epoch = 0n } = condition.after ?? { position: 0n };
  if ((epoch !== 0n && epoch !== EPOCH) || position > tables.head)
    throw new PositionUnknownError(position, epoch, tables.head);
  for (let index = Number(position); index < tables.log.length; index++) {
    const entry = tables.log[index];
    if (entry !== undefined && matchesCondition(condition.items, entry.event))
      return { outcome: 'REFUSED', conflicts: [], conditionFailedAt: entry.event.position };
  }
  return undefined;
}

function write(tables: Tables, now: Microseconds, streams: readonly Entry[]): readonly Event[] {
  const recordedAt = tables.recordedAt(now);
  const written: Event[] = [];
  for (const { stream, events } of streams) {
    const state = tables.stream(stream);
    if (events.length > 0 && state?.deletedAt !== undefined) {
      state.deletedAt = undefined;
      state.createdAt = recordedAt;
      state.hiddenBefore = versionOf(state) + 1n;
    }
    for (const event of events) written.push(tables.add(stream, event, recordedAt));
    if (state !== undefined) expire(state, now);
  }
  if (written.length > 0) tables.endAppend();
  return written;
}

function appended(events: readonly Event[], deduplicated: boolean): Appended {
  const versions = new Map<string, StreamVersion>();
  for (const { stream, version } of events) versions.set(streamKey(stream), { stream, version });
  return {
    outcome: 'APPENDED',
    firstPosition: events[0]?.position ?? 0n,
    lastPosition: events.at(-1)?.position ?? 0n,
    versions: [...versions.values()],
    eventIds: events.map(({ eventId }) => eventId),
    recordedAt: events[0]?.recordedAt,
    epoch: EPOCH,
    deduplicated,
  };
}

/** A copy that no later change of the caller's objects reaches. */
function draft(event: NewEvent, eventId: string): Draft {
  return {
    eventId,
    eventType: event.eventType,
    data: Uint8Array.from(event.data),
    contentType: event.contentType ?? DEFAULT_CONTENT_TYPE,
    metadata: Object.freeze({ ...event.metadata }),
    tags: Object.freeze([...(event.tags ?? [])]),
    schemaVersion: event.schemaVersion ?? 1,
    fingerprint: fingerprint(receivedData(event)),
  };
}
