import type { AggregateInfo } from '../core/aggregate.js';
import type { Snapshot } from '../core/snapshot.js';
import { dataToJson } from './event-json.js';
import { isoTime } from './time.js';

/** What is known of an aggregate, as all commands print it. Numbers that may be large are strings. */
export function aggregateToJson(info: AggregateInfo): Record<string, unknown> {
  const { aggregate, createdAt, deleted, exists, updatedAt, version } = info;
  return {
    aggregate: { aggregate_type: aggregate.aggregateType, aggregate_id: aggregate.aggregateId },
    version: String(version),
    exists,
    deleted,
    ...(createdAt === undefined ? {} : { created_at: isoTime(createdAt) }),
    ...(updatedAt === undefined ? {} : { updated_at: isoTime(updatedAt) }),
  };
}

/** With `data`, or `data_base64`, as an event has it. */
export function snapshotToJson(snapshot: Snapshot): Record<string, unknown> {
  return {
    version: String(snapshot.version),
    schema_version: snapshot.schemaVersion,
    ...dataToJson(snapshot.data, snapshot.contentType),
    content_type: snapshot.contentType,
    taken_at: isoTime(snapshot.takenAt),
  };
}

/** A folded state, as it was sent: JSON, which JavaScript must not round on its way through. */
export function stateText(state: Uint8Array): string {
  return new TextDecoder().decode(state);
}

/** An object as JSON with a state at its end, where there is one. */
export function jsonWithState(json: Record<string, unknown>, state: Uint8Array | undefined): string {
  const text = JSON.stringify(json);
  return state === undefined ? text : `${text.slice(0, -1)},"state":${stateText(state)}}`;
}
