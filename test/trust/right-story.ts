import type { AppendRequest } from '../../src/core/append.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import {
  type AppendOperation,
  type AppendResult,
  type Feed,
  type FinalLog,
  type History,
  type LoggedEvent,
  loggedEvent,
  recordedRequest,
} from './history.js';

export const id = (number: number) => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const stream = { aggregateType: 'Counter', aggregateId: 'c1' };
export const key = 'Counter\nc1';

export function request(expectedVersion: ExpectedVersion, ...ids: readonly number[]): AppendRequest {
  const events = ids.map((number) => ({
    eventId: id(number),
    eventType: 'Changed',
    data: Buffer.from(`data ${number}`),
    contentType: 'text/plain',
  }));
  return { streams: [{ stream, expectedVersion, events }] };
}

export function operation(
  number: number,
  [invoked, returned]: readonly [number, number],
  sent: AppendRequest,
  result: AppendResult,
): AppendOperation {
  return { number, client: 'client', sent: recordedRequest(sent), invoked, returned, result };
}

export function appended(first: number, ids: readonly number[], deduplicated = false): AppendResult {
  const last = first + ids.length - 1;
  return {
    kind: 'APPENDED',
    first,
    last,
    // One stream, so versions are positions.
    versions: [[key, last]],
    eventIds: ids.map(id),
    recordedAt: 1000 + first,
    epoch: 1,
    deduplicated,
  };
}

export function logged(sent: AppendRequest, first: number): readonly LoggedEvent[] {
  const events = sent.streams.flatMap((entry) => entry.events);
  return events.map((event, index) =>
    loggedEvent(
      {
        eventId: event.eventId ?? '',
        stream,
        version: BigInt(first + index),
        position: BigInt(first + index),
        eventType: event.eventType,
        data: event.data,
        contentType: event.contentType ?? '',
        metadata: {},
        tags: [],
        schemaVersion: 1,
        recordedAt: BigInt(1000 + first),
      },
      index === events.length - 1,
    ),
  );
}

export const create = request('NO_STREAM', 1);
export const batch = request(1n, 2, 3);
const lost = request(3n, 4);
export const stale = request(1n, 5);
const reused = request('ANY', 2);
export const away = request(4n, 6);

/** Created, a batch, an append whose answer was lost and that was sent again, a refusal, a misused id, a failure. */
export function right(): { history: History; log: FinalLog; feed: Feed } {
  const bySql = [...logged(create, 1), ...logged(batch, 2), ...logged(lost, 4)];
  const feed: Feed = {
    name: 'follower',
    matches: () => true,
    start: 0,
    positions: [1, 2, 3, 4],
    versions: [1, 2, 3, 4],
    digests: bySql.map(({ digest }) => digest),
    ranges: [0, 1, 1, 1, 4, 3],
    epochs: new Set([1]),
    restarts: 1,
    failures: [],
  };
  const operations = [
    operation(1, [0, 10], create, appended(1, [1])),
    operation(2, [20, 30], batch, appended(2, [2, 3])),
    operation(3, [40, 50], lost, { kind: 'UNKNOWN', reason: 'STORE_UNAVAILABLE' }),
    operation(4, [60, 70], lost, appended(4, [4], true)),
    operation(5, [40, 70], stale, {
      kind: 'REFUSED',
      conflicts: [{ stream: key, expected: 1n, actual: 3 }],
    }),
    operation(6, [80, 90], reused, { kind: 'REUSED', eventId: id(2), position: 2 }),
    operation(7, [80, 90], away, { kind: 'NOT_APPLIED', reason: 'STORE_UNAVAILABLE' }),
    operation(8, [80, 90], batch, appended(2, [2, 3], true)),
  ];
  const reads = [{ stream: key, version: 3, invoked: 45, returned: 65 }];
  return { history: { operations, reads, feeds: [feed] }, log: { bySql, byLoad: bySql, head: 4 }, feed };
}
