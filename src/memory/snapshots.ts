import { InvalidRequestError, StreamDeletedError, StreamNotFoundError } from '../core/errors.js';
import type { Microseconds } from '../core/event.js';
import { type NewSnapshot, type Snapshot, SNAPSHOTS_KEPT } from '../core/snapshot.js';
import type { StreamId } from '../core/stream.js';
import type { WantedSnapshot } from '../core/validate-snapshot.js';
import { type Tables, versionOf } from './tables.js';

/** Keeps a snapshot, and only the newest three. Throws what the port says. */
export function saveSnapshot(
  tables: Tables,
  stream: StreamId,
  snapshot: NewSnapshot,
  takenAt: Microseconds,
): void {
  const state = tables.stream(stream);
  if (state === undefined) throw new StreamNotFoundError({ ...stream });
  if (state.deletedAt !== undefined) throw new StreamDeletedError({ ...stream });
  const { version } = snapshot;
  const { hiddenBefore, erasedVersion } = state;
  // One from before an erasure would bring back what was erased.
  const first = hiddenBefore > erasedVersion ? hiddenBefore : erasedVersion;
  const last = versionOf(state);
  if (version < first || version > last)
    throw new InvalidRequestError([
      {
        field: 'snapshot.version',
        description: `is ${version}, and this aggregate can have snapshots from version ${first} to ${last}`,
      },
    ]);
  const kept: Snapshot = copied({ schemaVersion: 1, ...snapshot, takenAt });
  state.snapshots = [...state.snapshots.filter((one) => one.version !== version), kept]
    .sort((one, other) => (one.version < other.version ? -1 : 1))
    .slice(-SNAPSHOTS_KEPT);
}

/** The newest snapshot that fits, of the stream's present life. */
export function getSnapshot(
  tables: Tables,
  stream: StreamId,
  { upToVersion, schemaVersion }: WantedSnapshot,
): Snapshot | undefined {
  const state = tables.stream(stream);
  const found = state?.snapshots.findLast(
    (one) =>
      one.version >= state.hiddenBefore &&
      (upToVersion === undefined || one.version <= upToVersion) &&
      (schemaVersion === undefined || one.schemaVersion === schemaVersion),
  );
  return found && copied(found);
}

/** Throws all snapshots of a stream away; gives how many there were. */
export function deleteSnapshots(tables: Tables, stream: StreamId): bigint {
  const state = tables.stream(stream);
  const deleted = state?.snapshots.length ?? 0;
  if (state) state.snapshots = [];
  return BigInt(deleted);
}

function copied(snapshot: Snapshot): Snapshot {
  return { ...snapshot, data: Uint8Array.from(snapshot.data) };
}
