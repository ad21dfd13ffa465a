import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { parentPort, workerData } from 'node:worker_threads';
import { fromBinary } from '@bufbuild/protobuf';
import { EventStoreService, SubscribeResponseSchema } from '../gen/headwater/v1/event_store_service_pb.js';
import { methodPath } from '../src/wire/method.js';
import { NAMESPACE_HEADER } from '../src/wire/namespace.js';
import { readWireTimestamp } from '../src/wire/timestamp.js';
import type { LiveFollower } from './live-followers.js';
import { countEvents } from './raw-load.js';

// The subscribers of one log in a thread of their own, over HTTP/2 by hand: on a small machine grpc-js would cost more for
// a message in the bench than it does in the service.

/** What the thread is told: who follows what. */
export interface LiveFollowersInput {
  readonly address: string;
  readonly namespace: string;
  readonly followers: readonly LiveFollower[];
}

/** What came since it was asked last. */
export interface Delivered {
  readonly events: number;
  readonly messages: number;
  /** Milliseconds from `recorded_at`, which is shortly before the commit, of each event that a narrow filter let through. */
  readonly latencies: Float64Array;
}

export type LiveFollowersMessage =
  | { readonly kind: 'LIVE' }
  | { readonly kind: 'DELIVERED'; readonly delivered: Delivered };

const SESSIONS = 4;
const WINDOW = 8 * 1024 * 1024;
/** So many are being opened at a time: a thousand at once would be told to come again later. */
const OPENING = 50;

const { address, namespace, followers } = workerData as LiveFollowersInput;
let missing = followers.length;
let events = 0;
let messages = 0;
let latencies: number[] = [];

const say = (message: LiveFollowersMessage) => parentPort?.postMessage(message);

const sessions = Array.from({ length: Math.min(SESSIONS, followers.length) }, () => {
  const session = connect(`http://${address}`, { settings: { initialWindowSize: WINDOW } });
  session.once('connect', () => session.setLocalWindowSize(WINDOW));
  return session;
});

let next = 0;
for (let index = 0; index < OPENING; index += 1) followNext();

parentPort?.on('message', () => {
  say({ kind: 'DELIVERED', delivered: { events, messages, latencies: Float64Array.from(latencies) } });
  events = 0;
  messages = 0;
  latencies = [];
});

function followNext(): void {
  const session = sessions[next % sessions.length];
  const follower = followers[next];
  next += 1;
  if (session !== undefined && follower !== undefined) follow(session, follower);
}

function follow(session: ClientHttp2Session, { request, narrow }: LiveFollower): void {
  const stream = session.request({
    ':method': 'POST',
    ':path': methodPath(EventStoreService.method.subscribe),
    'content-type': 'application/grpc',
    te: 'trailers',
    [NAMESPACE_HEADER]: namespace,
  });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(request.byteLength, 1);
  stream.end(Buffer.concat([head, request]));
  let live = false;
  readMessages(stream, (message) => {
    messages += 1;
    if (live && !narrow) {
      events += countEvents(message);
      return;
    }
    const response = fromBinary(SubscribeResponseSchema, message);
    if (response.signal.case === 'caughtUp' && !live) {
      live = true;
      missing -= 1;
      followNext();
      if (missing === 0) say({ kind: 'LIVE' });
    }
    events += response.events.length;
    const now = (performance.timeOrigin + performance.now()) * 1000;
    for (const { recordedAt } of response.events)
      if (recordedAt !== undefined) latencies.push((now - Number(readWireTimestamp(recordedAt))) / 1000);
  });
}

/** Cuts what comes into gRPC's messages: a byte of flags, four of length. */
function readMessages(stream: ClientHttp2Stream, onMessage: (message: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (chunk: Buffer) => {
    let bytes = rest.byteLength === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.byteLength >= 5) {
      const end = 5 + bytes.readUInt32BE(1);
      if (bytes.byteLength < end) break;
      onMessage(bytes.subarray(5, end));
      bytes = bytes.subarray(end);
    }
    rest = bytes;
  });
  const fail = (why: unknown) => {
    throw new Error('A subscription of the bench has ended', { cause: why });
  };
  stream.on('error', fail);
  stream.on('trailers', fail);
}
