import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { InvalidRequestError } from '../core/errors.js';

/** Where a method is found: `/headwater.v1.EventStoreService/Append`. */
export function methodPath(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** The message as bytes, without a copy. */
export function serializer<Desc extends DescMessage>(
  schema: Desc,
): (message: MessageShape<Desc>) => Buffer<ArrayBuffer> {
  return (message) => {
    const bytes = toBinary(schema, message);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  };
}

export function deserializer<Desc extends DescMessage>(schema: Desc): (bytes: Buffer) => MessageShape<Desc> {
  return (bytes) => fromBinary(schema, bytes);
}

/** A request as it came in: a message, or what is wrong with its bytes. */
export type Received<Message> =
  | { readonly message: Message; readonly byteLength: number }
  | { readonly malformed: InvalidRequestError };

/**
 * As {@link deserializer}, for the service. grpc-js answers an exception in a deserializer with INTERNAL, though broken
 * bytes (a cut message, a string that is not UTF-8) are the caller's fault: so it becomes a value that the handler
 * answers with INVALID_ARGUMENT.
 */
export function requestDeserializer<Desc extends DescMessage>(
  schema: Desc,
): (bytes: Buffer) => Received<MessageShape<Desc>> {
  return receivedBy(schema, (bytes) => fromBinary(schema, bytes));
}

/** As {@link requestDeserializer}, by a decoder of one's own, which throws what protobuf-es does. */
export function receivedBy<Message>(
  schema: DescMessage,
  decode: (bytes: Buffer) => Message,
): (bytes: Buffer) => Received<Message> {
  return (bytes) => {
    try {
      return { message: decode(bytes), byteLength: bytes.byteLength };
    } catch (cause) {
      return { malformed: malformed(schema, cause) };
    }
  };
}

function malformed(schema: DescMessage, cause: unknown): InvalidRequestError {
  // The only TypeError that decoding has is TextDecoder's, and its words do not say what it is about.
  const why =
    cause instanceof TypeError ? 'a string is not valid UTF-8' : cause instanceof Error ? cause.message : '';
  const description = `cannot be decoded as ${schema.typeName}: ${why.slice(0, 200)}`;
  return new InvalidRequestError([{ field: 'request', description }]);
}
