import { Client, credentials, Metadata } from '@grpc/grpc-js';
import {
  type AppendRequest as WireAppendRequest,
  AppendRequestSchema,
  type AppendResponse,
  AppendResponseSchema,
  EventStoreService,
} from '../gen/headwater/v1/event_store_service_pb.js';
import type { AppendRequest } from '../src/core/append.js';
import { toWireAppendRequest } from '../src/wire/append.js';
import { deserializer, methodPath, serializer } from '../src/wire/method.js';

const PATH = methodPath(EventStoreService.method.append);
const encode = serializer(AppendRequestSchema);
const decode = deserializer(AppendResponseSchema);

/** Append as a plain stub calls it: one call, one request, one answer. */
export class UnaryAppend {
  readonly #client: Client;

  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  append(request: AppendRequest): Promise<AppendResponse> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest<WireAppendRequest, AppendResponse>(
        PATH,
        encode,
        decode,
        toWireAppendRequest(request),
        new Metadata(),
        { deadline: Date.now() + 10_000 },
        (error, answer) => {
          if (answer?.outcome.case === 'appended') resolve(answer);
          else reject(error ?? new Error('An append was refused'));
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}
