import type { DescMethod, DescService, MessageShape } from '@bufbuild/protobuf';
import type { GenService, GenServiceMethods } from '@bufbuild/protobuf/codegenv2';
import type {
  handleBidiStreamingCall,
  handleClientStreamingCall,
  handleServerStreamingCall,
  handleUnaryCall,
  Server,
  UntypedHandleCall,
} from '@grpc/grpc-js';
import type { Received } from '../wire/method.js';
import type { Desk } from './desk.js';
import { type Decoder, toServiceDefinition } from './service-definition.js';

type MethodKind = DescMethod['methodKind'];

interface Handlers<Request, Answer> {
  unary: handleUnaryCall<Received<Request>, Answer>;
  client_streaming: handleClientStreamingCall<Received<Request>, Answer>;
  /** These encode their answers themselves. */
  server_streaming: handleServerStreamingCall<Received<Request>, unknown>;
  bidi_streaming: handleBidiStreamingCall<Received<Request>, Answer>;
}

/** A resolver and a handler, made by `unary`, `serverStream` or `pipelined`. */
export interface Rpc<Kind extends MethodKind, Request, Answer> {
  readonly kind: Kind;
  bind(desk: Desk, rpc: string): Handlers<Request, Answer>[Kind];
}

/** As {@link Rpc}, on a hot path: it reads its requests and writes its answers itself. */
export interface HandCodedRpc<Kind extends MethodKind> {
  readonly kind: Kind;
  readonly decode: Decoder;
  bind(desk: Desk, rpc: string): UntypedHandleCall;
}

/** An entry for every RPC of a service. */
export type RpcsOf<Service extends GenService<GenServiceMethods>> = {
  readonly [Name in keyof Service['method']]:
    | Rpc<
        Service['method'][Name]['methodKind'],
        MessageShape<Service['method'][Name]['input']>,
        MessageShape<Service['method'][Name]['output']>
      >
    | HandCodedRpc<Service['method'][Name]['methodKind']>;
};

interface AnyRpc {
  readonly kind: MethodKind;
  readonly decode?: Decoder;
  bind(desk: Desk, rpc: string): UntypedHandleCall;
}

/**
 * Puts a service on the server. Throws for an RPC without an entry, or with one of another kind, so that none is ever
 * served that does not go through resolver and policy. Only two services are not registered here: health, which
 * is open to everybody, and reflection, which is let in by a plan of its own.
 */
export function register(
  server: Pick<Server, 'addService'>,
  service: DescService,
  rpcs: Readonly<Record<string, AnyRpc>>,
  desk: Desk,
): void {
  const handlers = service.methods.map((method) => {
    const rpc = `${service.typeName}/${method.name}`;
    const entry = Object.hasOwn(rpcs, method.localName) ? rpcs[method.localName] : undefined;
    if (entry === undefined) throw new TypeError(`RPC ${rpc} has no resolver and handler`);
    if (entry.kind !== method.methodKind)
      throw new TypeError(`RPC ${rpc} is ${method.methodKind}, its entry is ${entry.kind}`);
    return [method.localName, entry.bind(desk, rpc)] as const;
  });
  server.addService(
    toServiceDefinition(service, ({ localName }) => rpcs[localName]?.decode),
    Object.fromEntries(handlers),
  );
}
