import { create } from '@bufbuild/protobuf';
import {
  type DeleteSnapshotsRequest as WireDeleteSnapshotsRequest,
  DeleteSnapshotsRequestSchema,
  type GetSnapshotRequest as WireGetSnapshotRequest,
  GetSnapshotRequestSchema,
  type GetSnapshotResponse as WireGetSnapshotResponse,
  GetSnapshotResponseSchema,
  type SaveSnapshotRequest as WireSaveSnapshotRequest,
  SaveSnapshotRequestSchema,
} from '../../gen/headwater/v1/aggregate_service_pb.js';
import { type Snapshot as WireSnapshot, SnapshotSchema } from '../../gen/headwater/v1/snapshot_pb.js';
import type { NewSnapshot, Snapshot } from '../core/snapshot.js';
import type { StreamId } from '../core/stream.js';
import { Violations } from '../core/validate.js';
import { fromWireStream, toWireStream } from './stream.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

export function toWireNewSnapshot(snapshot: NewSnapshot): WireSnapshot {
  return create(SnapshotSchema, {
    version: snapshot.version,
    data: snapshot.data,
    contentType: snapshot.contentType,
    schemaVersion: snapshot.schemaVersion ?? 0,
  });
}

/** The snapshot, its data copied. When it was taken is the store's to say. Its limits are looked at by the store. */
export function fromWireNewSnapshot(snapshot: WireSnapshot): NewSnapshot {
  return {
    version: snapshot.version,
    data: Buffer.from(snapshot.data),
    contentType: snapshot.contentType,
    ...(snapshot.schemaVersion === 0 ? {} : { schemaVersion: snapshot.schemaVersion }),
  };
}

export function toWireSnapshot(snapshot: Snapshot): WireSnapshot {
  return create(SnapshotSchema, {
    version: snapshot.version,
    data: snapshot.data,
    contentType: snapshot.contentType,
    schemaVersion: snapshot.schemaVersion,
    takenAt: toWireTimestamp(snapshot.takenAt),
  });
}

export function fromWireSnapshot(snapshot: WireSnapshot): Snapshot {
  return {
    version: snapshot.version,
    data: new Uint8Array(snapshot.data),
    contentType: snapshot.contentType,
    schemaVersion: snapshot.schemaVersion,
    takenAt: snapshot.takenAt ? readWireTimestamp(snapshot.takenAt) : 0n,
  };
}

/** A snapshot to be kept, and of what. */
export interface SnapshotToSave {
  readonly stream: StreamId;
  readonly snapshot: NewSnapshot;
}

export function toWireSaveSnapshotRequest({ snapshot, stream }: SnapshotToSave): WireSaveSnapshotRequest {
  return create(SaveSnapshotRequestSchema, {
    aggregate: toWireStream(stream),
    snapshot: toWireNewSnapshot(snapshot),
  });
}

/** What to keep; throws `InvalidRequestError` for what is not set. */
export function fromWireSaveSnapshotRequest({
  aggregate,
  snapshot,
}: WireSaveSnapshotRequest): SnapshotToSave {
  const violations = new Violations();
  const stream = fromWireStream(aggregate, 'aggregate', violations);
  if (snapshot === undefined) violations.add('snapshot', 'must be set');
  violations.throwIfAny();
  return { stream, snapshot: fromWireNewSnapshot(snapshot ?? create(SnapshotSchema)) };
}

/** Which snapshot, and of what. */
export interface SnapshotToGet {
  readonly stream: StreamId;
  readonly wanted: { readonly upToVersion?: bigint; readonly schemaVersion?: number };
}

export function toWireGetSnapshotRequest({ stream, wanted }: SnapshotToGet): WireGetSnapshotRequest {
  return create(GetSnapshotRequestSchema, {
    aggregate: toWireStream(stream),
    upToVersion: wanted.upToVersion ?? 0n,
    schemaVersion: wanted.schemaVersion ?? 0,
  });
}

/** Which snapshot; throws `InvalidRequestError` if the aggregate is not set. */
export function fromWireGetSnapshotRequest(request: WireGetSnapshotRequest): SnapshotToGet {
  const violations = new Violations();
  const stream = fromWireStream(request.aggregate, 'aggregate', violations);
  violations.throwIfAny();
  const { schemaVersion, upToVersion } = request;
  return {
    stream,
    wanted: {
      ...(upToVersion === 0n ? {} : { upToVersion }),
      ...(schemaVersion === 0 ? {} : { schemaVersion }),
    },
  };
}

export function toWireGetSnapshotResponse(snapshot: Snapshot): WireGetSnapshotResponse {
  return create(GetSnapshotResponseSchema, { snapshot: toWireSnapshot(snapshot) });
}

/** The snapshot, or `undefined` if the answer does not say. */
export function fromWireGetSnapshotResponse({ snapshot }: WireGetSnapshotResponse): Snapshot | undefined {
  return snapshot && fromWireSnapshot(snapshot);
}

export function toWireDeleteSnapshotsRequest(stream: StreamId): WireDeleteSnapshotsRequest {
  return create(DeleteSnapshotsRequestSchema, { aggregate: toWireStream(stream) });
}

/** Whose snapshots; throws `InvalidRequestError` if it is not set. */
export function fromWireDeleteSnapshotsRequest({ aggregate }: WireDeleteSnapshotsRequest): StreamId {
  const violations = new Violations();
  const stream = fromWireStream(aggregate, 'aggregate', violations);
  violations.throwIfAny();
  return stream;
}
