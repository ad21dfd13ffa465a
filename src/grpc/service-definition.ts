import type { DescMethod, DescService } from '@bufbuild/protobuf';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { PackedMessage } from '../wire/encode-packed.js';
import { methodPath, receivedBy, requestDeserializer, serializer } from '../wire/method.js';

/**
 * A service of protobuf-es as grpc-js wants it. Requests arrive as `Received`, decoded or with what is wrong with them;
 * answers may be messages, bytes where a handler has encoded them itself, or what makes bytes when it is sent.
 */
export function toServiceDefinition(
  service: DescService,
  decoderOf: (method: DescMethod) => Decoder | undefined = () => undefined,
): ServiceDefinition {
  return Object.fromEntries(
    service.methods.map((method) => [method.localName, toMethodDefinition(method, decoderOf(method))]),
  );
}

/** Reads the bytes of a request into what its handler wants; throws what protobuf-es does. */
export type Decoder = (bytes: Buffer) => unknown;

function toMethodDefinition(
  method: DescMethod,
  decode: Decoder | undefined,
): MethodDefinition<unknown, unknown> {
  const { methodKind, input, output } = method;
  const serializeOutput = serializer(output);
  return {
    path: methodPath(method),
    originalName: method.name,
    requestStream: methodKind === 'client_streaming' || methodKind === 'bidi_streaming',
    responseStream: methodKind === 'server_streaming' || methodKind === 'bidi_streaming',
    requestDeserialize: decode ? receivedBy(input, decode) : requestDeserializer(input),
    responseSerialize: (answer: unknown) => {
      if (Buffer.isBuffer(answer)) return answer;
      if (answer instanceof PackedMessage) return answer.encode();
      return serializeOutput(answer as Parameters<typeof serializeOutput>[0]);
    },
    // A server neither writes requests nor reads answers.
    requestSerialize: unused,
    responseDeserialize: unused,
  };
}

function unused(): never {
  throw new TypeError('A service definition is for servers only');
}
