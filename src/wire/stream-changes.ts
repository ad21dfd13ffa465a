import { create } from '@bufbuild/protobuf';
import {
  type DeleteStreamRequest as WireDeleteStreamRequest,
  DeleteStreamRequestSchema,
  type EraseEventsRequest as WireEraseEventsRequest,
  EraseEventsRequestSchema,
  type EraseStreamRequest as WireEraseStreamRequest,
  EraseStreamRequestSchema,
  type RestoreStreamRequest as WireRestoreStreamRequest,
  RestoreStreamRequestSchema,
  type SetRetentionRequest as WireSetRetentionRequest,
  SetRetentionRequestSchema,
  type StreamChange as WireStreamChange,
  type StreamChanged as WireStreamChanged,
  StreamChangedSchema,
  StreamChangeSchema,
  type TruncateStreamRequest as WireTruncateStreamRequest,
  TruncateStreamRequestSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { VersionRange as WireVersionRange } from '../../gen/headwater/v1/filter_pb.js';
import type { Range } from '../core/filter.js';
import type {
  EraseEventsRequest,
  SetRetentionRequest,
  StreamChange,
  StreamChanged,
  StreamChangeRequest,
  TruncateStreamRequest,
} from '../core/stream-changes.js';
import { Violations } from '../core/validate.js';
import { fromWireExpectedVersion, toWireExpectedVersion } from './expected-version.js';
import { fromWireRetention, toWireRetention } from './stream-info.js';
import { fromWireStream, readWireStream, toWireStream } from './stream.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

// The requests of six RPCs that are one method of the port: each in both directions, `fromWire…` throwing
// `InvalidRequestError` for what is unset or has no equal in the log.

export function toWireDeleteStream(request: StreamChangeRequest): WireDeleteStreamRequest {
  return create(DeleteStreamRequestSchema, { change: toWireChange(request) });
}

export function fromWireDeleteStream({ change }: WireDeleteStreamRequest): StreamChange {
  return { ...fromWireChange(change, new Violations()), kind: 'DELETE' };
}

export function toWireRestoreStream(request: StreamChangeRequest): WireRestoreStreamRequest {
  return create(RestoreStreamRequestSchema, { change: toWireChange(request) });
}

export function fromWireRestoreStream({ change }: WireRestoreStreamRequest): StreamChange {
  return { ...fromWireChange(change, new Violations()), kind: 'RESTORE' };
}

export function toWireTruncateStream(request: TruncateStreamRequest): WireTruncateStreamRequest {
  const { beforeVersion } = request;
  return create(TruncateStreamRequestSchema, { change: toWireChange(request), beforeVersion });
}

export function fromWireTruncateStream({ change, beforeVersion }: WireTruncateStreamRequest): StreamChange {
  return { ...fromWireChange(change, new Violations()), kind: 'TRUNCATE', beforeVersion };
}

export function toWireSetRetention(request: SetRetentionRequest): WireSetRetentionRequest {
  const retention = toWireRetention(request.retention);
  return create(SetRetentionRequestSchema, { change: toWireChange(request), retention });
}

export function fromWireSetRetention(request: WireSetRetentionRequest): StreamChange {
  const violations = new Violations();
  const retention = fromWireRetention(request.retention, 'retention', violations);
  return { ...fromWireChange(request.change, violations), kind: 'SET_RETENTION', retention };
}

export function toWireEraseStream(request: StreamChangeRequest): WireEraseStreamRequest {
  return create(EraseStreamRequestSchema, { change: toWireChange(request) });
}

export function fromWireEraseStream({ change }: WireEraseStreamRequest): StreamChange {
  return { ...fromWireChange(change, new Violations()), kind: 'ERASE' };
}

export function toWireEraseEvents(request: EraseEventsRequest): WireEraseEventsRequest {
  const versions = request.versions.map(({ first, last }) => ({ first, last }));
  return create(EraseEventsRequestSchema, { change: toWireChange(request), versions });
}

export function fromWireEraseEvents(request: WireEraseEventsRequest): StreamChange {
  const violations = new Violations();
  const versions = request.versions.map((range, index) =>
    fromWireBothBounds(range, `versions[${index}]`, violations),
  );
  return { ...fromWireChange(request.change, violations), kind: 'ERASE_EVENTS', versions };
}

export function toWireStreamChanged(changed: StreamChanged): WireStreamChanged {
  return create(StreamChangedSchema, {
    version: { stream: toWireStream(changed.stream), version: changed.version },
    position: changed.position,
    epoch: changed.epoch,
    eventId: changed.eventId,
    recordedAt: toWireTimestamp(changed.recordedAt),
    deduplicated: changed.deduplicated,
  });
}

export function fromWireStreamChanged(changed: WireStreamChanged): StreamChanged {
  return {
    stream: readWireStream(changed.version?.stream),
    version: changed.version?.version ?? 0n,
    position: changed.position,
    epoch: changed.epoch,
    eventId: changed.eventId,
    recordedAt: changed.recordedAt ? readWireTimestamp(changed.recordedAt) : 0n,
    deduplicated: changed.deduplicated,
  };
}

function toWireChange(request: StreamChangeRequest): WireStreamChange {
  return create(StreamChangeSchema, {
    stream: toWireStream(request.stream),
    expectedVersion: toWireExpectedVersion(request.expectedVersion),
    eventId: request.eventId ?? '',
    metadata: request.metadata ?? {},
  });
}

/** What all changes have in common; throws for it and for all violations that were found before. */
function fromWireChange(change: WireStreamChange | undefined, violations: Violations): StreamChangeRequest {
  if (change === undefined) {
    violations.add('change', 'must be set');
    violations.throwIfAny();
  }
  const stream = fromWireStream(change?.stream, 'change.stream', violations);
  const expectedVersion = fromWireExpectedVersion(
    change?.expectedVersion,
    'change.expected_version',
    violations,
  );
  violations.throwIfAny();
  const { eventId = '', metadata = {} } = change ?? {};
  return { stream, expectedVersion, ...(eventId === '' ? {} : { eventId }), metadata };
}

/** What is erased has to be said: here 0 is not "no bound". */
function fromWireBothBounds(
  { first, last }: WireVersionRange,
  field: string,
  violations: Violations,
): Required<Range<bigint>> {
  if (first === 0n) violations.add(`${field}.first`, 'must be set');
  if (last === 0n) violations.add(`${field}.last`, 'must be set');
  return { first, last };
}
