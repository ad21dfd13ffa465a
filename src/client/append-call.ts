import { type Client, type ClientDuplexStream } from '@grpc/grpc-js';
import {
  type AppendStreamResponse,
  AppendStreamResponseSchema,
  EventStoreService,
  type PipelinedAppendResult,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import { type HeadwaterError, StoreUnavailableError } from '../core/errors.js';
import { deserializer, methodPath } from '../wire/method.js';
import { StatusCode } from '../wire/status-code.js';
import { fromStatusObject } from './failure.js';
import type { PendingAppend } from './pending-append.js';

/** What a call reports. */
export interface AppendCallListener {
  onResults(results: readonly PipelinedAppendResult[]): void;
  /** More may be written. */
  onWritable(): void;
  /** The call is over; reported once. */
  onEnd(error: HeadwaterError): void;
}

/** One AppendStream call. */
export class AppendCall {
  readonly client: Client;
  readonly #call: ClientDuplexStream<Buffer, AppendStreamResponse>;
  writable = true;

  constructor(client: Client, listener: AppendCallListener) {
    this.client = client;
    this.#call = client.makeBidiStreamRequest(
      methodPath(EventStoreService.method.appendStream),
      (message: Buffer) => message,
      deserializer(AppendStreamResponseSchema),
    );
    this.#call.on('data', ({ results }: AppendStreamResponse) => listener.onResults(results));
    this.#call.on('drain', () => {
      this.writable = true;
      listener.onWritable();
    });
    // The same as the status, which always comes.
    this.#call.on('error', () => undefined);
    this.#call.on('status', (status) => {
      this.writable = false;
      listener.onEnd(
        status.code === StatusCode.OK
          ? new StoreUnavailableError('The service ended the call', { retryAfterMilliseconds: 0 })
          : fromStatusObject(status),
      );
    });
  }

  /** Sends the requests as one AppendStreamRequest, put together from what is encoded already. */
  write(requests: readonly PendingAppend[]): void {
    const parts: Uint8Array[] = [];
    for (const { encoded } of requests) parts.push(lengthDelimited(encoded.byteLength), encoded);
    this.writable = this.#call.write(Buffer.concat(parts));
  }

  /** Half-closes: the service ends the call when all is answered. */
  end(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }
}

/** The tag of `requests = 1` and a length. */
function lengthDelimited(length: number): Uint8Array {
  const bytes = [0x0a];
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
