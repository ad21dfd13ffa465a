import { create, toBinary } from '@bufbuild/protobuf';
import { SubscribeRequestSchema } from '../gen/headwater/v1/event_store_service_pb.js';
import type { AppendRequest } from '../src/core/append.js';
import type { SubscribeRequest } from '../src/core/subscribe.js';
import { systemRuntime } from '../src/system.js';
import { toWireSubscribeRequest } from '../src/wire/subscribe.js';
import { nextPayload, StreamWalk } from './workload.js';

// What subscribers follow: of ten, six a stream, two a tag, one a prefix and a type, one another category; some the whole log.

/** Accounts that somebody may follow. */
const FOLLOWED = 1000;
/** One append in so many goes to one of them. */
const ONE_IN = 10;
const TAG = 'followed:yes';
/** One subscriber in so many follows the whole log, and in ten or more there is one. */
const WHOLE_LOG_ONE_IN = 250;

const idOf = (account: number) => `followed-${String(account).padStart(4, '0')}`;
const tagOf = (account: number) => `customer:${account}`;

/** A subscriber of the bench: what it asks for, and whether it wants but a few of the events. */
export interface LiveFollower {
  readonly request: Uint8Array;
  readonly narrow: boolean;
}

/** So many subscribers from the end of the log on, each with a filter of its own. The first is there in each number. */
export function liveFollowers(count: number): readonly LiveFollower[] {
  const broad = count < 10 ? 0 : Math.max(1, Math.floor(count / WHOLE_LOG_ONE_IN));
  return Array.from({ length: count }, (_, index) => {
    const narrow = index < count - broad;
    const selection = narrow ? narrowSelection(index) : {};
    const request = toWireSubscribeRequest({ ...selection, start: { kind: 'END' } });
    return { request: toBinary(SubscribeRequestSchema, create(SubscribeRequestSchema, request)), narrow };
  });
}

function narrowSelection(account: number): Pick<SubscribeRequest, 'scope' | 'filters'> {
  if (account === 0) return { filters: [{ tags: [TAG] }] };
  const kind = account % 10;
  if (kind < 6)
    return { scope: { kind: 'STREAM', stream: { aggregateType: 'Account', aggregateId: idOf(account) } } };
  if (kind < 8) return { filters: [{ tags: [tagOf(account)] }] };
  if (kind === 9) return { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: [`Order${account}`] } };
  const aggregateIdPrefix = idOf(account).slice(0, -1);
  return { filters: [{ streams: [{ aggregateIdPrefix }], eventTypes: ['MoneyWithdrawn'] }] };
}

let appended = 0;

/** The next append: of new accounts as in S1, one in ten of an account that somebody may follow. */
export function nextAppend(walk: StreamWalk): AppendRequest {
  appended += 1;
  if (appended % ONE_IN !== 0) return walk.request();
  const account = (appended / ONE_IN) % FOLLOWED;
  const { eventType, data, contentType, metadata } = nextPayload();
  const event = { eventId: systemRuntime.newEventId(), eventType, data, contentType, metadata };
  return {
    streams: [
      {
        stream: { aggregateType: 'Account', aggregateId: idOf(account) },
        expectedVersion: 'ANY',
        events: [{ ...event, tags: [TAG, tagOf(account)] }],
      },
    ],
  };
}
