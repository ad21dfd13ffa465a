import {
  InvalidRequestError,
  StreamDeletedError,
  StreamNotDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
} from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { Range } from '../core/filter.js';
import { expectedVersionHolds } from '../core/expected-version.js';
import type { Runtime } from '../core/runtime.js';
import type { StreamChange, StreamChanged } from '../core/stream-changes.js';
import { SYSTEM_EVENT_CONTENT_TYPE, SYSTEM_EVENT_TYPE, systemEventData } from '../core/system-events.js';
import { forgetResults } from './commands.js';
import { erase, expire } from './expire.js';
import { fingerprint } from './fingerprint.js';
import { findRepeat } from './repeat.js';
import { type Draft, EPOCH, type StreamState, type Tables, versionOf } from './tables.js';

/** Makes the change at once and records it; it is validated already. Throws as `StreamChanges` says. */
export function changeStream(tables: Tables, runtime: Runtime, change: StreamChange): StreamChanged {
  const now = runtime.now();
  // What has expired by the retention that is there is gone for good, also if this change lifts it.
  tables.expireAged(now);
  const recording = record(change, change.eventId?.toLowerCase() ?? runtime.newEventId());
  const [repeated] = findRepeat(tables, [{ stream: change.stream, ...recording }]) ?? [];
  if (repeated) return changed(repeated, true);
  const state = changeable(tables, change);
  const event = tables.add(change.stream, recording, tables.recordedAt(now));
  tables.endAppend();
  make(tables, state, change, event);
  expire(state, now);
  return changed(event, false);
}

/** The stream, if it may be changed so. */
function changeable(tables: Tables, change: StreamChange): StreamState {
  const stream = { ...change.stream };
  const state = tables.stream(stream);
  if (state === undefined) throw new StreamNotFoundError(stream);
  const deleted = state.deletedAt !== undefined;
  switch (change.kind) {
    case 'DELETE':
    case 'TRUNCATE':
    case 'SET_RETENTION':
      if (deleted) throw new StreamDeletedError(stream);
      break;
    case 'RESTORE':
      if (!deleted) throw new StreamNotDeletedError(stream);
      break;
    case 'ERASE':
    case 'ERASE_EVENTS':
  }
  const version = versionOf(state);
  if (!expectedVersionHolds(change.expectedVersion, version))
    throw new WrongExpectedVersionError([{ stream, expected: change.expectedVersion, actual: version }]);
  refuseBeyond(change, version);
  return state;
}

/** Throws if the change names versions that the stream does not have. */
function refuseBeyond(change: StreamChange, version: bigint): void {
  if (change.kind === 'TRUNCATE' && change.beforeVersion > version + 1n)
    throw new InvalidRequestError([
      {
        field: 'before_version',
        description: `is ${change.beforeVersion}, and the stream is at version ${version}: at most one above`,
      },
    ]);
  if (change.kind !== 'ERASE_EVENTS') return;
  const index = change.versions.findIndex(({ last }) => last > version);
  if (index >= 0)
    throw new InvalidRequestError([
      {
        field: `versions[${index}]`,
        description: `ends at ${change.versions[index]?.last}, and the stream is at version ${version}`,
      },
    ]);
}

function make(
  tables: Tables,
  state: StreamState,
  change: StreamChange,
  { version, recordedAt }: Event,
): void {
  switch (change.kind) {
    case 'DELETE':
      state.deletedAt = recordedAt;
      return;
    case 'RESTORE':
      state.deletedAt = undefined;
      return;
    case 'TRUNCATE':
      if (change.beforeVersion > state.truncatedBefore) state.truncatedBefore = change.beforeVersion;
      return;
    case 'SET_RETENTION':
      state.retention = Object.freeze({ ...change.retention });
      if (state.retention.maxAge === undefined) tables.aging.delete(state);
      else tables.aging.add(state);
      return;
    case 'ERASE':
      state.deletedAt ??= recordedAt;
      eraseAll(tables, state, [{ first: 1n, last: version - 1n }], version);
      return;
    case 'ERASE_EVENTS':
      eraseAll(tables, state, change.versions, version);
  }
}

/** Erases the events, and all copies of what was in them. */
function eraseAll(
  tables: Tables,
  state: StreamState,
  ranges: readonly Required<Range<bigint>>[],
  erasedVersion: bigint,
): void {
  for (const range of ranges) {
    forgetResults(tables, erase(state, range));
    state.snapshots = state.snapshots.filter(({ version }) => version < range.first);
  }
  state.erasedVersion = erasedVersion;
}

/** The event that records the change. */
function record(change: StreamChange, eventId: string): Draft {
  const data = systemEventData(change);
  return {
    eventId,
    eventType: SYSTEM_EVENT_TYPE[change.kind],
    data,
    contentType: SYSTEM_EVENT_CONTENT_TYPE,
    metadata: Object.freeze({ ...change.metadata }),
    tags: Object.freeze([]),
    schemaVersion: 1,
    fingerprint: fingerprint(data),
  };
}

function changed(event: Event, deduplicated: boolean): StreamChanged {
  const { stream, version, position, eventId, recordedAt } = event;
  return { stream, version, position, epoch: EPOCH, eventId, recordedAt, deduplicated };
}
