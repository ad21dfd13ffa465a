import { parentPort, workerData } from 'node:worker_threads';
import { EventStoreService } from '../gen/headwater/v1/event_store_service_pb.js';
import { decodeSubscriptionMessage } from '../src/wire/decode-page.js';
import { methodPath } from '../src/wire/method.js';
import { NAMESPACE_HEADER } from '../src/wire/namespace.js';
import { BareSession } from './bare-http2.js';
import type { LiveFollower } from './live-followers.js';

// The subscribers of one log in a thread of their own, over as little of HTTP/2 as they need: on a small machine grpc-js would
// cost more for a message in the bench than it does in the service.

/** What the thread is told: who follows what. */
export interface LiveFollowersInput {
  readonly address: string;
  readonly namespace: string;
  readonly followers: readonly LiveFollower[];
}

/** Begin to note how late events come; or say what was noted, and note no more. */
export type LiveFollowersOrder = 'WATCH' | 'DELIVER';

export type LiveFollowersMessage =
  | { readonly kind: 'LIVE' }
  | {
      readonly kind: 'DELIVERED';
      /** Milliseconds from `recorded_at`, which is shortly before the commit, of each event that a narrow filter let through. */
      readonly latencies: Float64Array;
    };

const SESSIONS = 4;
/** So many are being opened at a time: a thousand at once would be told to come again later. */
const OPENING = 50;

const { address, namespace, followers } = workerData as LiveFollowersInput;
let missing = followers.length;
let watching = false;
let latencies: number[] = [];

const say = (message: LiveFollowersMessage) => parentPort?.postMessage(message);

const sessions = Array.from({ length: Math.min(SESSIONS, followers.length) }, () => new BareSession(address));

let next = 0;
for (let index = 0; index < OPENING; index += 1) followNext();

parentPort?.on('message', (order: LiveFollowersOrder) => {
  watching = order === 'WATCH';
  if (watching) return;
  say({ kind: 'DELIVERED', latencies: Float64Array.from(latencies) });
  latencies = [];
});

function followNext(): void {
  const session = sessions[next % sessions.length];
  const follower = followers[next];
  next += 1;
  if (session !== undefined && follower !== undefined) follow(session, follower);
}

function follow(session: BareSession, { request, narrow }: LiveFollower): void {
  let live = false;
  const headers = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': methodPath(EventStoreService.method.subscribe),
    ':authority': address,
    'content-type': 'application/grpc',
    te: 'trailers',
    [NAMESPACE_HEADER]: namespace,
  };
  session.call(headers, request, {
    // What nobody looks at passes by; and who follows the whole log is there for what that costs the service.
    wants: () => (narrow && watching) || !live,
    onMessage(bytes) {
      const message = decodeSubscriptionMessage(bytes);
      if (message.signal?.kind === 'CAUGHT_UP' && !live) {
        live = true;
        missing -= 1;
        followNext();
        if (missing === 0) say({ kind: 'LIVE' });
      }
      const now = (performance.timeOrigin + performance.now()) * 1000;
      for (const { recordedAt } of message.events) latencies.push((now - Number(recordedAt)) / 1000);
    },
  });
}
