import { type Client, Metadata } from '@grpc/grpc-js';
import {
  EventStoreService,
  type LoadRequest as WireLoadRequest,
  LoadRequestSchema,
} from '../gen/headwater/v1/event_store_service_pb.js';
import { toWireLoadRequest } from '../src/wire/load.js';
import { methodPath, serializer } from '../src/wire/method.js';

/** Loads the log's first events and hands on the pages as bytes; resolves when all have come. */
export function loadRaw(client: Client, events: number, onPage: (page: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = client.makeServerStreamRequest<WireLoadRequest, Buffer>(
      methodPath(EventStoreService.method.load),
      serializer(LoadRequestSchema),
      (bytes) => bytes,
      toWireLoadRequest({ limit: BigInt(events) }),
      new Metadata(),
    );
    call.on('data', onPage);
    call.on('error', reject);
    call.on('end', resolve);
  });
}

const EVENTS_TAG = 0x0a;

/** How many events a LoadResponse holds, by hopping from one to the next; its other fields are varints. */
export function countEvents(page: Buffer): number {
  let events = 0;
  for (let at = 0; at < page.byteLength; ) {
    const tag = page[at++];
    let value = 0;
    for (let shift = 1; ; shift *= 0x80) {
      const byte = page[at++] ?? 0;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) break;
    }
    if (tag !== EVENTS_TAG) continue;
    events += 1;
    at += value;
  }
  return events;
}
