import { create, type DescMethod, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf';
import { type Client, credentials, Client as GrpcClient, Metadata, type ServiceError } from '@grpc/grpc-js';
import { onTestFinished } from 'vitest';
import type { AccessControl } from '../../src/auth/access-control.js';
import type { HeadwaterError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import type { LogFields, Logger } from '../../src/core/logger.js';
import { trustEverybody } from '../../src/grpc/desk.js';
import { oneNamespace } from '../../src/grpc/served-namespaces.js';
import { GrpcServer, type GrpcServerOptions } from '../../src/grpc/server.js';
import { systemRuntime } from '../../src/system.js';
import { deserializer, methodPath, serializer } from '../../src/wire/method.js';
import { fromStatusDetails, STATUS_DETAILS_KEY } from '../../src/wire/status-details.js';

/** A running server, what it logged, and a client that knows nothing of ours. */
export interface TestService {
  readonly server: GrpcServer;
  readonly port: number;
  readonly address: string;
  readonly logged: { readonly level: string; readonly message: string; readonly fields: LogFields }[];
  readonly raw: Client;
}

export async function startService(
  store: EventStore,
  options: Partial<GrpcServerOptions> = {},
): Promise<TestService> {
  const logged: TestService['logged'] = [];
  const log =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      logged.push({ level, message, fields });
    };
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const info = (namespace: string) => ({
    version: '0.0.1',
    namespace,
    postgresVersion: '18.4',
    startedAt: 1_700_000_000_123_456n,
    limits: DEFAULT_LIMITS,
  });
  const server = new GrpcServer({
    namespaces: oneNamespace(store, 'test'),
    info,
    logger,
    runtime: systemRuntime,
    ...options,
  });
  const port = await server.start();
  server.setServing(true);
  const address = `127.0.0.1:${port}`;
  const raw = new GrpcClient(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  onTestFinished(async () => {
    raw.close();
    await server.stop();
  });
  return { server, port, address, logged, raw };
}

/** A store of which only some operations are there: for what the real ones cannot be made to do. */
export function storeThat(operations: Partial<EventStore>): EventStore {
  const missing = () => {
    throw new TypeError('Not part of this test');
  };
  return {
    append: missing,
    load: missing,
    subscribe: missing,
    changeStream: missing,
    getStream: missing,
    listStreams: missing,
    listAggregateTypes: missing,
    countEvents: missing,
    getLog: missing,
    ...operations,
  } as EventStore;
}

/** The answer to a unary call, or its error as grpc-js has it. */
export function unary<Method extends DescMethod>(
  client: Client,
  method: Method,
  request: MessageInitShape<Method['input']>,
  options: { readonly deadlineMs?: number; readonly metadata?: Metadata } = {},
): Promise<MessageShape<Method['output']>> {
  return unaryBytes(client, method, serializer(method.input)(create(method.input, request)), options);
}

export function unaryBytes<Method extends DescMethod>(
  client: Client,
  method: Method,
  request: Buffer,
  options: { readonly deadlineMs?: number; readonly metadata?: Metadata } = {},
): Promise<MessageShape<Method['output']>> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      methodPath(method),
      (bytes: Buffer) => bytes,
      deserializer<Method['output']>(method.output),
      request,
      options.metadata ?? new Metadata(),
      options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
      (error, answer) => (error ? reject(error) : resolve(answer as MessageShape<Method['output']>)),
    );
  });
}

export function serverStream<Method extends DescMethod>(
  client: Client,
  method: Method,
  request: MessageInitShape<Method['input']> = {} as MessageInitShape<Method['input']>,
  {
    deadlineMs,
    metadata = new Metadata(),
  }: { readonly deadlineMs?: number | undefined; readonly metadata?: Metadata } = {},
) {
  const call = client.makeServerStreamRequest(
    methodPath(method),
    serializer(method.input),
    deserializer<Method['output']>(method.output),
    create(method.input, request),
    metadata,
    deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
  );
  call.on('error', () => undefined);
  return call;
}

export function bidi<Method extends DescMethod>(
  client: Client,
  method: Method,
  metadata: Metadata = new Metadata(),
) {
  const call = client.makeBidiStreamRequest(
    methodPath(method),
    serializer<Method['input']>(method.input),
    deserializer<Method['output']>(method.output),
    metadata,
  );
  call.on('error', () => undefined);
  return call;
}

/** The code and typed error of what a call failed with. */
export async function failureOf(call: Promise<unknown>): Promise<{ code: number; error: HeadwaterError }> {
  try {
    await call;
  } catch (error) {
    return statusOf(error as ServiceError);
  }
  throw new Error('The call did not fail');
}

export function statusOf(status: Pick<ServiceError, 'code' | 'details' | 'metadata'>) {
  const [details] = status.metadata.get(STATUS_DETAILS_KEY);
  const bytes = Buffer.isBuffer(details) ? details : undefined;
  return {
    code: status.code,
    error: fromStatusDetails({ code: status.code, message: status.details }, bytes),
  };
}

export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  milliseconds = 20_000,
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ${milliseconds} ms in vain: ${what}`);
    await systemRuntime.sleep(5);
  }
}

export function eventAt(position: bigint, data: Uint8Array = new Uint8Array([1, 2, 3])): Event {
  return {
    eventId: systemRuntime.newEventId(),
    stream: { aggregateType: 'Account', aggregateId: '1' },
    version: position,
    position,
    eventType: 'Moved',
    data,
    contentType: 'application/octet-stream',
    metadata: {},
    tags: [],
    schemaVersion: 1,
    recordedAt: 1_700_000_000_000_000n,
  };
}

/** Lets everybody in, and allows nothing. */
export const denying: AccessControl = {
  ...trustEverybody,
  decide: () => ({ verdict: 'DENY', because: 'NO_RULE', resource: undefined }),
};
