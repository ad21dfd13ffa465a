import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import type pg from 'pg';
import type { LoadRequest as WireLoadRequest } from '../../gen/headwater/v1/event_store_service_pb.js';
import { copyStream } from './copy-out.js';

/** With half a piece more on average about what 1,000 events of the bench take in a page of ours. */
const PAGE_BYTES = 400_000;
/** Messages that have not left, beside which no more is read: as much as waits in a call of ours. */
const AHEAD = 1;

/** In the trailer: how many rows there were, which the bytes do not tell. */
export const ROWS = 'rows';

/** Sends the log's first events as COPY gives them, without a look into the bytes. */
export function loadByCopy(
  client: pg.Client,
  schema: string,
  call: ServerWritableStream<WireLoadRequest, readonly Buffer[]>,
): void {
  const rows = copyStream(client, schema, Number(call.request.limit));
  let page: Buffer[] = [];
  let bytes = 0;
  let ahead = 0;
  const send = () => {
    ahead += 1;
    call.write(page, () => {
      ahead -= 1;
      rows.resume();
    });
    page = [];
    bytes = 0;
    if (ahead > AHEAD) rows.pause();
  };
  rows.on('data', (piece: Buffer) => {
    page.push(piece);
    bytes += piece.byteLength;
    if (bytes >= PAGE_BYTES) send();
  });
  rows.on('error', (error: Error) => call.emit('error', error));
  rows.on('end', () => {
    if (bytes > 0) send();
    const trailer = new Metadata();
    trailer.set(ROWS, String(rows.rowCount));
    call.end(trailer);
  });
}

let shared = Buffer.alloc(0);

/** The page in one piece; grpc-js copies it at once, so that all may share a buffer: see `PackedMessage`. */
export function joinPage(pieces: readonly Buffer[]): Buffer {
  const size = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
  if (size > shared.byteLength) shared = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const piece of pieces) at += piece.copy(shared, at);
  return shared.subarray(0, size);
}
