import type { Event } from '../../src/core/event.js';
import { unpackEvents } from '../../src/core/event-view.js';
import type { LoadPage } from '../../src/core/load.js';
import { type EventFields, noFields, type PackedEvents, packedPage } from '../../src/core/packed-events.js';

/** Events as a store might keep them: one behind the other, their texts as they are. Ids have to be UUIDs. */
export function pack(events: readonly Event[]): PackedEvents {
  const rows = events.map(packOne);
  const row = (index: number) => {
    const found = rows[index];
    if (found === undefined) throw new RangeError(`There is no event ${index}`);
    return found;
  };
  const packed: PackedEvents = {
    count: rows.length,
    byteLength: rows.reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
    read: (index, fields) => {
      const { tags, ...others } = row(index);
      Object.assign(fields, others);
      fields.tags.splice(0, fields.tags.length, ...tags);
    },
    sizeOf: (index) => row(index).bytes.byteLength,
    unpack: () => unpackEvents(packed),
  };
  return packed;
}

export function packPage({ events, ...range }: LoadPage): LoadPage {
  return packedPage(pack(events), range);
}

function packOne(event: Event): EventFields {
  const parts: Buffer[] = [];
  let end = 0;
  const put = (part: Buffer) => {
    parts.push(part);
    end += part.byteLength;
    return [end - part.byteLength, end] as const;
  };
  const [eventId] = put(Buffer.from(event.eventId.replaceAll('-', ''), 'hex'));
  const [aggregateType, aggregateTypeEnd] = put(Buffer.from(event.stream.aggregateType));
  const [aggregateId, aggregateIdEnd] = put(Buffer.from(event.stream.aggregateId));
  const [eventType, eventTypeEnd] = put(Buffer.from(event.eventType));
  const [data, dataEnd] = put(Buffer.from(event.data));
  const [contentType, contentTypeEnd] = put(Buffer.from(event.contentType));
  const [metadata, metadataEnd] = put(Buffer.from(JSON.stringify(event.metadata)));
  const tags = event.tags.flatMap((tag) => put(Buffer.from(tag)));
  // As it lies between the columns of a row.
  put(Buffer.alloc(64));
  const seconds = Number(event.recordedAt / 1_000_000n);
  return {
    ...noFields(),
    bytes: Buffer.concat(parts),
    eventId,
    aggregateType,
    aggregateTypeEnd,
    aggregateId,
    aggregateIdEnd,
    eventType,
    eventTypeEnd,
    data,
    dataEnd,
    contentType,
    contentTypeEnd,
    metadata,
    metadataEnd,
    tags,
    versionHigh: Number(event.version >> 32n),
    versionLow: Number(event.version & 0xffffffffn),
    positionHigh: Number(event.position >> 32n),
    positionLow: Number(event.position & 0xffffffffn),
    schemaVersion: event.schemaVersion,
    recordedSeconds: seconds,
    recordedMicros: Number(event.recordedAt - BigInt(seconds) * 1_000_000n),
    erased: event.erased ?? false,
  };
}
