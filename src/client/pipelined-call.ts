import type { DescMethodBiDiStreaming } from '@bufbuild/protobuf';
import { type Client, type ClientDuplexStream } from '@grpc/grpc-js';
import { type HeadwaterError, StoreUnavailableError } from '../core/errors.js';
import { methodPath } from '../wire/method.js';
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

/** What is called, and how its answers are read. */
export interface PipelinedMethod<Answer> {
  readonly method: DescMethodBiDiStreaming;
  /** Throws what protobuf-es does for bytes that are no answer. */
  readonly decode: (bytes: Buffer) => Answer;
}

/** One pipelined call: AppendStream or ExecuteStream. */
export class PipelinedCall<Answer> {
  readonly client: Client;
  readonly #call: ClientDuplexStream<Buffer, Answer>;
  writable = true;

  constructor(
    client: Client,
    { decode, method }: PipelinedMethod<Answer>,
    listener: PipelinedCallListener<Answer>,
  ) {
    this.client = client;
    this.#call = client.makeBidiStreamRequest(methodPath(method), (message: Buffer) => message, decode);
    this.#call.on('data', (answer: Answer) => listener.onAnswer(answer));
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

  /** Sends the requests as one message, put together from what is encoded already, each with its tag and length. */
  write(requests: readonly { readonly encoded: Uint8Array }[]): void {
    this.writable = this.#call.write(Buffer.concat(requests.map(({ encoded }) => encoded)));
  }

  /** Half-closes: the service ends the call when all is answered. */
  end(): void {
    this.#call.end();
  }

  cancel(): void {
    this.#call.cancel();
  }
}
