import {
  type Metadata,
  type sendUnaryData,
  Server,
  type ServerUnaryCall,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { CommandService } from '../../gen/headwater/v1/command_service_pb.js';
import {
  EventStoreService,
  LoadRequestSchema,
  SubscribeRequestSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import { InvalidRequestError } from '../../src/core/errors.js';
import { encodeAppendResponse, encodeAppendResult } from '../../src/wire/append-results.js';
import { encodeCommandResult } from '../../src/wire/command-results.js';
import {
  decodeAppendRequest,
  decodeAppendStreamRequest,
  type NumberedAppend,
  type WireAppend,
} from '../../src/wire/decode-append.js';
import { deserializer, methodPath } from '../../src/wire/method.js';
import { NAMESPACE_HEADER } from '../../src/wire/namespace.js';
import { decodeExecuteStreamRequest, type NumberedCommand } from '../../src/wire/pipelined-command.js';
import { connected } from '../connected.js';
import { joinPage, loadByCopy } from './composed-load.js';
import { ComposedSubscriptions } from './composed-subscriptions.js';
import { CopiedGroups, type PipelinedCall, type Requested } from './copied-groups.js';
import { insertOne } from './insert.js';
import { appendedRow, decidedRows, executedRow, requestedRow } from './requested-row.js';
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

const clients = await Promise.all([
  connected(databaseUrl),
  connected(databaseUrl),
  connected(databaseUrl),
  connected(databaseUrl),
  connected(databaseUrl),
]);
const [writing, alsoWriting, ofCommands, alsoOfCommands, reading] = clients;
const groups = new CopiedGroups(
  [
    { events: writing, commands: ofCommands },
    { events: alsoWriting, commands: alsoOfCommands },
  ],
  composedSchema,
);
/** Of a log of its own, by a header that is there; all logs are written to the same table. */
const subscriptions = new ComposedSubscriptions();
const isFollowed = ({ metadata }: { readonly metadata: Metadata }) =>
  metadata.get(NAMESPACE_HEADER).length > 0;
const { append, appendStream, load, subscribe } = EventStoreService.method;
const { executeStream } = CommandService.method;
const unused = () => {
  throw new TypeError('A server neither writes requests nor reads answers');
};
const asItIs = (bytes: Buffer) => bytes;

function pipelined<Request>(
  call: PipelinedCall<Request>,
  requested: (request: Request) => Omit<Requested, 'call' | 'followed'>,
): void {
  const followed = isFollowed(call) ? subscriptions : undefined;
  call.on('data', (requests: readonly Request[]) =>
    groups.add(
      requests.map((request) => ({ ...requested(request), call, ...(followed ? { followed } : {}) })),
    ),
  );
  call.on('end', () => call.end());
}

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
  appendStream: (call: PipelinedCall<NumberedAppend>) =>
    pipelined(call, ({ append: request, correlation }) => {
      const row = requestedRow(request);
      return { row, answer: () => encodeAppendResult(correlation, appendedRow(row)) };
    }),
  subscribe: (call: Parameters<ComposedSubscriptions['add']>[0]) => subscriptions.add(call),
  load: (call: Parameters<typeof loadByCopy>[2]) => loadByCopy(reading, schema, call),
};
const commandHandlers: UntypedServiceImplementation = {
  executeStream: (call: PipelinedCall<NumberedCommand>) =>
    pipelined(call, ({ command: request, correlation }) => {
      if (request instanceof InvalidRequestError) throw request;
      const { command, row } = decidedRows(request);
      return {
        row,
        command,
        answer: () => encodeCommandResult(correlation, executedRow(row, command.commandId)),
      };
    }),
};
const server = new Server();
server.addService(
  {
    executeStream: {
      path: methodPath(executeStream),
      requestStream: true,
      responseStream: true,
      requestSerialize: unused,
      requestDeserialize: decodeExecuteStreamRequest,
      responseSerialize: asItIs,
      responseDeserialize: unused,
    },
  },
  commandHandlers,
);
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
    subscribe: {
      path: methodPath(subscribe),
      requestStream: false,
      responseStream: true,
      requestSerialize: unused,
      requestDeserialize: deserializer(SubscribeRequestSchema),
      responseSerialize: asItIs,
      responseDeserialize: unused,
    },
  },
  handlers,
);
await serveFloor(server, async () => {
  subscriptions.stop();
  await Promise.all(clients.map((client) => client.end()));
});
