import type { Appended } from '../../src/core/append.js';
import type { Command, Executed } from '../../src/core/command.js';
import { encodedText } from '../../src/core/encoded-text.js';
import { InvalidRequestError } from '../../src/core/errors.js';
import type { StreamId } from '../../src/core/stream.js';
import { systemRuntime } from '../../src/system.js';
import type { WireAppend } from '../../src/wire/decode-append.js';
import { type CommandRow, type FloorRow, nextPosition } from './floor-rows.js';

/** Nobody asks whether it is a repeat, so nothing is hashed; the column has as many bytes all the same. */
const NO_HASH = Buffer.alloc(32);

/** Of each stream that is written to without an expected version. */
const versions = new Map<string, number>();

/** Counted here, since nobody else writes. */
function nextVersion({ aggregateId }: StreamId): number {
  const version = (versions.get(aggregateId) ?? 0) + 1;
  versions.set(aggregateId, version);
  return version;
}

/** The row of an append of one event. Its version is the one behind what was expected, which nobody looks up. */
export function requestedRow(append: WireAppend | InvalidRequestError): FloorRow {
  if (append instanceof InvalidRequestError) throw append;
  const [entry] = append.streams;
  const [event] = entry?.events ?? [];
  if (entry === undefined || event === undefined) throw new TypeError('An append has no event');
  const { contentType = '', data, eventId = '', eventType, metadata = {}, tags = [] } = event;
  const { expectedVersion, stream } = entry;
  return {
    position: nextPosition(),
    stream,
    version: versionBehind(expectedVersion, stream),
    eventId,
    payload: { eventType, data, hash: NO_HASH, contentType, metadata },
    tags,
  };
}

function versionBehind(expected: WireAppend['streams'][number]['expectedVersion'], stream: StreamId): number {
  if (expected === 'ANY') return nextVersion(stream);
  return typeof expected === 'bigint' ? Number(expected) + 1 : 1;
}

/** A command that needs no state: its event carries what it carries itself. */
export function decidedRows({
  commandId = '',
  commandType,
  aggregateId = '',
  data,
  metadata = {},
}: Command): {
  readonly row: FloorRow;
  readonly command: CommandRow;
} {
  const stream = { aggregateType: 'Account', aggregateId };
  const position = nextPosition();
  const version = nextVersion(stream);
  const payload = {
    eventType: 'MoneyDeposited',
    data: data.bytes,
    hash: NO_HASH,
    contentType: 'application/json',
    metadata: { ...metadata, causation_id: commandId },
  };
  const result = encodedText(JSON.stringify({ ...stream, version: String(version) }));
  return {
    row: { position, stream, version, eventId: systemRuntime.newEventId(), payload },
    command: { commandId, commandType, hash: NO_HASH, result, position },
  };
}

/** What is answered to the command of the row. */
export function executedRow({ eventId, position, stream, version }: FloorRow, commandId: string): Executed {
  return {
    aggregate: stream,
    version: BigInt(version),
    position: BigInt(position),
    epoch: 1n,
    commandId,
    eventIds: [eventId],
    deduplicated: false,
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
