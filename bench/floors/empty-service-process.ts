import { create } from '@bufbuild/protobuf';
import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Server, type UntypedHandleCall } from '@grpc/grpc-js';
import {
  type AppendRequest,
  AppendRequestSchema,
  type AppendResponse,
  AppendResponseSchema,
  EventStoreService,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import { deserializer, methodPath, serializer } from '../../src/wire/method.js';
import { serveFloor } from './serve-floor.js';

// Append as grpc-js and protobuf-es alone would serve it: the same messages, decoded and encoded, and nothing done.

const answer = (request: AppendRequest): AppendResponse =>
  create(AppendResponseSchema, {
    outcome: {
      case: 'appended',
      value: {
        firstPosition: 1_000_000n,
        lastPosition: 1_000_000n,
        versions: request.streams.map(({ stream }) => (stream ? { stream, version: 7n } : { version: 7n })),
        eventIds: request.streams.flatMap(({ events }) => events.map(({ eventId }) => eventId)),
        recordedAt: timestampFromMs(1_700_000_000_000),
        epoch: 1n,
      },
    },
  });

const { append } = EventStoreService.method;
const handler: UntypedHandleCall = (
  call: { readonly request: AppendRequest },
  callback: (error: null, answer: AppendResponse) => void,
) => callback(null, answer(call.request));
const server = new Server();
server.addService(
  {
    append: {
      path: methodPath(append),
      requestStream: false,
      responseStream: false,
      requestSerialize: serializer(AppendRequestSchema),
      requestDeserialize: deserializer(AppendRequestSchema),
      responseSerialize: serializer(AppendResponseSchema),
      responseDeserialize: deserializer(AppendResponseSchema),
    },
  },
  { append: handler },
);
await serveFloor(server);
