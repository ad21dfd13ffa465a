import {
  create,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromJson,
  type JsonObject,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import { type Client, Metadata, type ServiceError, type StatusObject } from '@grpc/grpc-js';
import { type Status, StatusSchema } from '../../../gen/google/rpc/status_pb.js';
import { STATUS_DETAILS_KEY } from '../../../src/wire/status-details.js';
import { deserializer, methodPath } from '../../../src/wire/method.js';

/** What became of a call: its status, and what it was told before. */
export interface Answer {
  readonly code: number;
  readonly message: string;
  /** The details as they came, for byte-by-byte comparison. */
  readonly details: string;
  readonly messages: readonly unknown[];
}

const OK = 0;
/** A call that is let in and goes on is over when it has said something. */
const DEADLINE_MS = 20_000;

/** Calls any RPC by its descriptor. Of one that does not end by itself, it ends when it has been let in. */
export async function send(
  client: Client,
  method: DescMethod,
  request: JsonObject,
  metadata: Metadata,
  until: (message: unknown) => boolean = () => true,
): Promise<Answer> {
  const bytes = Buffer.from(toBinary(method.input, fromJson(method.input, request)));
  const answer = await sendBytes(client, methodPath(method), bytes, metadata, {
    decode: (buffer) => deserializer(method.output as DescMessage)(buffer),
    // A load and its like end by themselves.
    until: /Subscribe|Watch|Consume|Handle/.test(method.name) ? until : () => false,
    halfClose: !/Consume|Handle/.test(method.name),
  });
  return method.methodKind === 'bidi_streaming' ? ofOnlyResult(answer) : answer;
}

/** The status of a call of which only the bytes are known. */
export function sendBytes(
  client: Client,
  path: string,
  request: Buffer,
  metadata: Metadata,
  how: {
    readonly decode?: (bytes: Buffer) => unknown;
    readonly until: (message: unknown) => boolean;
    readonly halfClose?: boolean;
  },
): Promise<Answer> {
  const { decode = (bytes: Buffer) => bytes, halfClose = true, until } = how;
  const call = client.makeBidiStreamRequest(path, (bytes: Buffer) => bytes, decode, metadata, {
    deadline: Date.now() + DEADLINE_MS,
  });
  const messages: unknown[] = [];
  return new Promise((resolve) => {
    const letIn = () => {
      resolve({ code: OK, message: '', details: '', messages });
      call.cancel();
    };
    call.on('data', (message: unknown) => {
      messages.push(message);
      if (until(message)) letIn();
    });
    call.on('error', () => undefined);
    call.on('status', (status: StatusObject) => resolve({ ...statusOf(status), messages }));
    call.write(request);
    if (halfClose) call.end();
  });
}

function statusOf({ code, details, metadata }: Pick<ServiceError, 'code' | 'details' | 'metadata'>) {
  const [trailer] = metadata.get(STATUS_DETAILS_KEY);
  return { code, message: details, details: Buffer.isBuffer(trailer) ? trailer.toString('hex') : '' };
}

/** Of a pipelined call the verdict of its one request. */
function ofOnlyResult(answer: Answer): Answer {
  const [first] = answer.messages as { results?: { result?: { case?: string; value?: unknown } }[] }[];
  const result = first?.results?.[0]?.result;
  if (answer.code !== OK || result?.case !== 'failed') return answer;
  const status = result.value as Status;
  const details = Buffer.from(toBinary(StatusSchema, create(StatusSchema, status))).toString('hex');
  return { ...answer, code: status.code, message: status.message, details };
}

/** All RPCs of these services, as the rows name them. */
export function methodsOf(services: readonly DescService[]): ReadonlyMap<string, DescMethod> {
  return new Map(
    services.flatMap((service) =>
      service.methods.map((method) => [`${service.name}/${method.name}`, method] as const),
    ),
  );
}

export type MessageOf<D extends DescMethod> = MessageShape<D['output']>;

export function metadataOf(authorization: string | undefined, namespace: string): Metadata {
  const metadata = new Metadata();
  if (authorization !== undefined) metadata.set('authorization', authorization);
  metadata.set('headwater-namespace', namespace);
  return metadata;
}
