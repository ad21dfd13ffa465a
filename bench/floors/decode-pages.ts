import { fromBinary } from '@bufbuild/protobuf';
import { LoadResponseSchema } from '../../gen/headwater/v1/event_store_service_pb.js';
import { fromWireLoadPage } from '../../src/wire/load.js';

/** Decodes the pages by protobuf-es, one after the other; answers how many events they held. */
export function decodePages(pages: readonly Buffer[]): number {
  let events = 0;
  for (const page of pages) events += fromBinary(LoadResponseSchema, page).events.length;
  return events;
}

/** As {@link decodePages}, and makes of each message the event that a caller gets. */
export function decodePagesPlainly(pages: readonly Buffer[]): number {
  let events = 0;
  for (const page of pages) events += fromWireLoadPage(fromBinary(LoadResponseSchema, page)).events.length;
  return events;
}
