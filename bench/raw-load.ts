import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  EventStoreService,
  type LoadRequest as WireLoadRequest,
  LoadRequestSchema,
} from '../gen/headwater/v1/event_store_service_pb.js';
import { toWireLoadRequest } from '../src/wire/load.js';
import { methodPath, serializer } from '../src/wire/method.js';

/** A client that takes pages as bytes. */
export function rawClient(address: string): Client {
  return new Client(address, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    // As clients in C++, Go and Java find out by themselves. With the usual 64 KiB a server waits for each of them.
    'grpc-node.flow_control_window': 4 * 1024 * 1024,
  });
}

/** Loads the log's first events and hands on the pages as bytes; resolves with the trailer when all have come. */
export function loadRaw(client: Client, events: number, onPage: (page: Buffer) => void): Promise<Metadata> {
  return new Promise((resolve, reject) => {
    let trailer = new Metadata();
    const call = client.makeServerStreamRequest<WireLoadRequest, Buffer>(
      methodPath(EventStoreService.method.load),
      serializer(LoadRequestSchema),
      (bytes) => bytes,
      toWireLoadRequest({ limit: BigInt(events) }),
      new Metadata(),
    );
    call.on('data', onPage);
    call.on('error', reject);
    call.on('status', ({ metadata }) => {
      trailer = metadata;
    });
    call.on('end', () => resolve(trailer));
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
