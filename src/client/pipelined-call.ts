import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from '@bufbuild/protobuf';
import { type Client, type ClientDuplexStream } from '@grpc/grpc-js';
import { type HeadwaterError, StoreUnavailableError } from '../core/errors.js';
import { deserializer, methodPath } from '../wire/method.js';
import { StatusCode } from '../wire/status-code.js';
import { fromStatusObject } from './failure.js';

/** What a call reports. */
export interface PipelinedCallListener<Answer> {
  onAnswer(answer: Answer): void;
  /** More may be written. */
  onWritable(): void;
  /** The call is over; reported once. */
  onEnd(error: HeadwaterError): void;
}

/** One pipelined call: AppendStream or ExecuteStream. */
export class PipelinedCall<Output extends DescMessage> {
  readonly client: Client;
  readonly #call: ClientDuplexStream<Buffer, MessageShape<Output>>;
  writable = true;

  constructor(
    client: Client,
    method: DescMethodBiDiStreaming<DescMessage, Output>,
    listener: PipelinedCallListener<MessageShape<Output>>,
  ) {
    this.client = client;
    this.#call = client.makeBidiStreamRequest(
      methodPath(method),
      (message: Buffer) => message,
      deserializer(method.output),
    );
    this.#call.on('data', (answer: MessageShape<Output>) => listener.onAnswer(answer));
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

  /** Sends the requests as one message, put together from what is encoded already. */
  write(requests: readonly { readonly encoded: Uint8Array }[]): void {
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

/** The tag of field 1, which in either message is the repeated requests, and a length. */
function lengthDelimited(length: number): Uint8Array {
  const bytes = [0x0a];
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}
