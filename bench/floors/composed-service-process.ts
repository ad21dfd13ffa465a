import {
  type sendUnaryData,
  Server,
  type ServerUnaryCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import pg from 'pg';
import { EventStoreService, LoadRequestSchema } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { InvalidRequestError } from '../../src/core/errors.js';
import { encodeAppendResponse } from '../../src/wire/append-results.js';
import {
  decodeAppendRequest,
  decodeAppendStreamRequest,
  type WireAppend,
} from '../../src/wire/decode-append.js';
import { deserializer, methodPath } from '../../src/wire/method.js';
import { CopiedAppends } from './composed-append-stream.js';
import { joinPage, loadByCopy } from './composed-load.js';
import { insertOne } from './insert.js';
import { appendedRow, requestedRow } from './requested-row.js';
import { serveFloor } from './serve-floor.js';

// grpc-js, node-postgres and Postgres together, as a service would put them together that guarantees nothing: no version is
// looked up, no repeat known, no condition checked, no order of commits kept, nothing limited or counted, nobody authenticated,
// and nobody else may write. It takes the same calls over the same wire with the same codecs, and writes and reads the same rows.

const { databaseUrl, schema, composedSchema } = JSON.parse(process.argv[2] ?? '{}') as {
  readonly databaseUrl: string;
  /** Of the log that is read. */
  readonly schema: string;
  /** Of the table that is written. */
  readonly composedSchema: string;
};

const [writing, alsoWriting, reading] = await Promise.all([connected(), connected(), connected()]);
const appends = new CopiedAppends([writing, alsoWriting], composedSchema);
const { append, appendStream, load } = EventStoreService.method;
const unused = () => {
  throw new TypeError('A server neither writes requests nor reads answers');
};
const asItIs = (bytes: Buffer) => bytes;

const handlers: UntypedServiceImplementation = {
  append: (
    call: ServerUnaryCall<WireAppend | InvalidRequestError, Buffer>,
    callback: sendUnaryData<Buffer>,
  ) => {
    const row = requestedRow(call.request);
    insertOne(writing, composedSchema, row).then(
      () => callback(null, encodeAppendResponse(appendedRow(row))),
      (error: Error) => callback(error),
    );
  },
  appendStream: (call: Parameters<CopiedAppends['serve']>[0]) => appends.serve(call),
  load: (call: Parameters<typeof loadByCopy>[2]) => loadByCopy(reading, schema, call),
};
const server = new Server();
server.addService(
  {
    append: {
      path: methodPath(append),
      requestStream: false,
      responseStream: false,
      requestSerialize: unused,
      requestDeserialize: decodeAppendRequest,
      responseSerialize: asItIs,
      responseDeserialize: unused,
    },
    appendStream: {
      path: methodPath(appendStream),
      requestStream: true,
      responseStream: true,
      requestSerialize: unused,
      requestDeserialize: decodeAppendStreamRequest,
      responseSerialize: asItIs,
      responseDeserialize: unused,
    },
    load: {
      path: methodPath(load),
      requestStream: false,
      responseStream: true,
      requestSerialize: unused,
      requestDeserialize: deserializer(LoadRequestSchema),
      responseSerialize: joinPage,
      responseDeserialize: unused,
    },
  },
  handlers,
);
await serveFloor(server, async () => {
  await Promise.all([writing, alsoWriting, reading].map((client) => client.end()));
});

async function connected(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: databaseUrl });
  // A statement under way fails by itself; without a listener the event would end the process first.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}
