import { create } from '@bufbuild/protobuf';
import {
  type Appended as WireAppended,
  AppendedSchema,
  type AppendRequest as WireAppendRequest,
  AppendRequestSchema,
  type AppendResponse as WireAppendResponse,
  AppendResponseSchema,
  OnConflict,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Appended, AppendOutcome, AppendRequest } from '../core/append.js';
import { Violations } from '../core/validate.js';
import { fromWireCondition, toWireCondition } from './append-condition.js';
import { fromWireCommandEntry, toWireCommandEntry } from './command-entry.js';
import { fromWireExpectedVersion, toWireExpectedVersion } from './expected-version.js';
import { fromWireNewEvent, toWireNewEvent } from './new-event.js';
import { fromWireRefused, toWireRefused } from './refused.js';
import { fromWireStream, readWireStreamVersion, toWireStream, toWireStreamVersion } from './stream.js';
import { readWireTimestamp, toWireTimestamp } from './timestamp.js';

export function toWireAppendRequest(request: AppendRequest): WireAppendRequest {
  return create(AppendRequestSchema, {
    streams: request.streams.map((entry) => ({
      stream: toWireStream(entry.stream),
      expectedVersion: toWireExpectedVersion(entry.expectedVersion),
      events: entry.events.map(toWireNewEvent),
    })),
    ...(request.condition ? { condition: toWireCondition(request.condition) } : {}),
    ...(request.command ? { command: toWireCommandEntry(request.command) } : {}),
    onConflict: request.onConflict === 'RETURN' ? OnConflict.RETURN : OnConflict.STATUS,
    interveningBytes: request.interveningBytes ?? 0,
  });
}

/** The append; throws `InvalidRequestError` for what is unset or unknown. */
export function fromWireAppendRequest(request: WireAppendRequest): AppendRequest & {
  readonly onConflict: 'THROW' | 'RETURN';
} {
  const violations = new Violations();
  const streams = request.streams.map((entry, index) => ({
    stream: fromWireStream(entry.stream, `streams[${index}].stream`, violations),
    expectedVersion: fromWireExpectedVersion(
      entry.expectedVersion,
      `streams[${index}].expected_version`,
      violations,
    ),
    events: entry.events.map(fromWireNewEvent),
  }));
  const onConflict = fromWireOnConflict(request.onConflict, violations);
  violations.throwIfAny();
  const { command, condition, interveningBytes } = request;
  return {
    streams,
    ...(condition ? { condition: fromWireCondition(condition) } : {}),
    ...(command ? { command: fromWireCommandEntry(command) } : {}),
    onConflict,
    ...(interveningBytes === 0 ? {} : { interveningBytes }),
  };
}

function fromWireOnConflict(value: OnConflict, violations: Violations): 'THROW' | 'RETURN' {
  switch (value) {
    case OnConflict.UNSPECIFIED:
    case OnConflict.STATUS:
      return 'THROW';
    case OnConflict.RETURN:
      return 'RETURN';
    default:
      violations.add('on_conflict', `is ${String(value)}, which this service does not know`);
      return 'THROW';
  }
}

export function toWireAppended(appended: Appended): WireAppended {
  return create(AppendedSchema, {
    firstPosition: appended.firstPosition,
    lastPosition: appended.lastPosition,
    versions: appended.versions.map(toWireStreamVersion),
    eventIds: [...appended.eventIds],
    ...(appended.recordedAt === undefined ? {} : { recordedAt: toWireTimestamp(appended.recordedAt) }),
    epoch: appended.epoch,
    deduplicated: appended.deduplicated,
    ...(appended.commandResult === undefined ? {} : { commandResult: appended.commandResult }),
  });
}

export function fromWireAppended(appended: WireAppended): Appended {
  return {
    outcome: 'APPENDED',
    firstPosition: appended.firstPosition,
    lastPosition: appended.lastPosition,
    versions: appended.versions.map(readWireStreamVersion),
    eventIds: appended.eventIds,
    recordedAt: appended.recordedAt ? readWireTimestamp(appended.recordedAt) : undefined,
    epoch: appended.epoch,
    deduplicated: appended.deduplicated,
    ...(appended.commandResult.byteLength === 0
      ? {}
      : { commandResult: new Uint8Array(appended.commandResult) }),
  };
}

export function toWireAppendResponse(outcome: AppendOutcome): WireAppendResponse {
  return create(AppendResponseSchema, {
    outcome:
      outcome.outcome === 'APPENDED'
        ? { case: 'appended', value: toWireAppended(outcome) }
        : { case: 'refused', value: toWireRefused(outcome) },
  });
}

/** What became of the append, or `undefined` if the answer says nothing this client knows. */
export function fromWireAppendResponse(response: WireAppendResponse): AppendOutcome | undefined {
  switch (response.outcome.case) {
    case 'appended':
      return fromWireAppended(response.outcome.value);
    case 'refused':
      return fromWireRefused(response.outcome.value);
    default:
      return undefined;
  }
}
