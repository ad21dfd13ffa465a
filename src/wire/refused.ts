import { create } from '@bufbuild/protobuf';
import { type Refused as WireRefused, RefusedSchema } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { InterveningEvents, Refused } from '../core/append.js';
import type { Event } from '../core/event.js';
import { encodedEventBytes } from './encode-page.js';
import { fromWireEvent, toWireEvent } from './event.js';
import { readWireExpectedVersion, toWireExpectedVersion } from './expected-version.js';
import { readWireStream, toWireStream } from './stream.js';

/**
 * What intervening events may take in a message. Stores count the payload only, and 1 MiB of very small events is many
 * times that with their names; what has no room is told as `truncated`.
 */
const INTERVENING_ENCODED_BYTES = 1.5 * 1024 * 1024;

export function toWireRefused(refused: Refused): WireRefused {
  const { conflicts, conditionFailedAt = 0n, intervening } = refused;
  const { events, truncated } = intervening ? fitting(intervening) : { events: [], truncated: false };
  return create(RefusedSchema, {
    conflicts: conflicts.map(({ stream, expected, actual }) => ({
      stream: toWireStream(stream),
      expected: toWireExpectedVersion(expected),
      actual,
    })),
    conditionFailedAt,
    interveningEvents: events.map(toWireEvent),
    truncated,
  });
}

export function fromWireRefused(refused: WireRefused): Refused {
  const { conflicts, conditionFailedAt, interveningEvents, truncated } = refused;
  return {
    outcome: 'REFUSED',
    conflicts: conflicts.map(({ stream, expected, actual }) => ({
      stream: readWireStream(stream),
      expected: readWireExpectedVersion(expected),
      actual,
    })),
    ...(conditionFailedAt === 0n ? {} : { conditionFailedAt }),
    ...(interveningEvents.length === 0 && !truncated
      ? {}
      : { intervening: { events: interveningEvents.map(fromWireEvent), truncated } }),
  };
}

function fitting({ events, truncated }: InterveningEvents): InterveningEvents {
  const kept: Event[] = [];
  let bytes = 0;
  for (const event of events) {
    bytes += encodedEventBytes(event);
    if (bytes > INTERVENING_ENCODED_BYTES) return { events: kept, truncated: true };
    kept.push(event);
  }
  return { events: kept, truncated };
}
