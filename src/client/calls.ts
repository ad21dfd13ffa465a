import {
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  type MessageShape,
} from '@bufbuild/protobuf';
import { type Client, type ClientReadableStream, Metadata } from '@grpc/grpc-js';
import { deserializer, methodPath, serializer } from '../wire/method.js';
import { oneMessageAhead } from '../wire/one-message-ahead.js';
import { fromServiceError } from './failure.js';

/** One request, one answer. */
export async function callUnary<Input extends DescMessage, Output extends DescMessage>(
  client: Client,
  method: DescMethodUnary<Input, Output>,
  request: MessageShape<Input>,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<MessageShape<Output>> {
  const { timeoutMs, signal } = options;
  signal?.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const call = client.makeUnaryRequest(
      methodPath(method),
      serializer(method.input),
      deserializer(method.output),
      request,
      new Metadata(),
      { deadline: Date.now() + timeoutMs },
      (error, answer) => {
        signal?.removeEventListener('abort', onAbort);
        if (signal?.aborted) reject(signal.reason as Error);
        else if (answer !== undefined) resolve(answer);
        else reject(fromServiceError(error));
      },
    );
    const onAbort = () => call.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** Opens a call whose answers {@link receive} takes. It ends in time if it is told how long it may take in all. */
export function openServerStream<Input extends DescMessage, Output extends DescMessage>(
  client: Client,
  method: DescMethodServerStreaming<Input, Output>,
  request: MessageShape<Input>,
  { timeoutMs }: { readonly timeoutMs?: number | undefined } = {},
): ClientReadableStream<MessageShape<Output>> {
  return openDecodedStream(client, method, request, { decode: deserializer(method.output), timeoutMs });
}

/** As {@link openServerStream}, its answers read straight from their bytes. */
export function openDecodedStream<Input extends DescMessage, Answer>(
  client: Client,
  method: DescMethodServerStreaming<Input, DescMessage>,
  request: MessageShape<Input>,
  {
    decode,
    timeoutMs,
  }: { readonly decode: (bytes: Buffer) => Answer; readonly timeoutMs?: number | undefined },
): ClientReadableStream<Answer> {
  return client.makeServerStreamRequest(
    methodPath(method),
    serializer(method.input),
    decode,
    request,
    timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
  );
}

/**
 * The messages of a call; fails with the typed error, or the signal's reason. However it is left, the call is cancelled:
 * a `break` alone would leave it open on the service for ever.
 */
export async function* receive<Message>(
  call: ClientReadableStream<Message>,
  signal?: AbortSignal,
): AsyncGenerator<Message, void, undefined> {
  const onAbort = () => call.cancel();
  // Leaving the loop makes the stream report that it was aborted; nobody is there to hear it.
  call.on('error', () => undefined);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    signal?.throwIfAborted();
    for await (const message of oneMessageAhead(call)) {
      signal?.throwIfAborted();
      yield message as Message;
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw fromServiceError(error);
  } finally {
    signal?.removeEventListener('abort', onAbort);
    call.cancel();
  }
}
