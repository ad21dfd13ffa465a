import type { Appended } from '../../src/core/append.js';
import { InvalidRequestError } from '../../src/core/errors.js';
import type { WireAppend } from '../../src/wire/decode-append.js';
import { type FloorRow, nextPosition } from './floor-rows.js';

/** Nobody asks whether it is a repeat, so nothing is hashed; the column has as many bytes all the same. */
const NO_HASH = Buffer.alloc(32);

/** The row of an append of one event. Its version is the one behind what was expected, which nobody looks up. */
export function requestedRow(append: WireAppend | InvalidRequestError): FloorRow {
  if (append instanceof InvalidRequestError) throw append;
  const [entry] = append.streams;
  const [event] = entry?.events ?? [];
  if (entry === undefined || event === undefined) throw new TypeError('An append has no event');
  const { contentType = '', data, eventId = '', eventType, metadata = {} } = event;
  const { expectedVersion, stream } = entry;
  return {
    position: nextPosition(),
    stream,
    version: typeof expectedVersion === 'bigint' ? Number(expectedVersion) + 1 : 1,
    eventId,
    payload: { eventType, data, hash: NO_HASH, contentType, metadata },
  };
}

/** What is answered when the row is committed: as many bytes as we answer. */
export function appendedRow({ eventId, position, stream, version }: FloorRow): Appended {
  return {
    outcome: 'APPENDED',
    firstPosition: BigInt(position),
    lastPosition: BigInt(position),
    versions: [{ stream, version: BigInt(version) }],
    eventIds: [eventId],
    recordedAt: BigInt(Date.now()) * 1000n,
    epoch: 1n,
    deduplicated: false,
  };
}
