import type { Event } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { Filter, Scope } from '../core/filter.js';
import { matcher } from '../core/matcher.js';
import { type StreamId, streamKey } from '../core/stream.js';
import { isSystemEventType } from '../core/system-events.js';
import { loaded, seededRandom, to } from './builders.js';
import { eventually, type TestFramework, type WithStore } from './contract.js';
import { followed } from './followed.js';
import { RandomSelection } from './random-selection.js';

/** Rows B2 to B5 together: what a store finds, by whatever way, is what a fold with the one matcher finds. */
export function differentialContract(framework: TestFramework, withStore: WithStore): void {
  const { describe, it, expect } = framework;

  describe('scopes and filters of all kinds together', () => {
    it(
      'find what a fold over the whole log with the matcher finds: loaded, counted, caught up and live',
      withStore(async (store) => {
        const random = new RandomSelection(seededRandom(20_260_101));
        const live = await followLive(framework, store, random);
        await write(store, random);
        for (const { scope, filters, feed } of live) {
          const { events } = await feed;
          expect(events).toEqual((await loaded(store)).filter(matcher(scope, filters)));
        }
        await empty(framework, store, random);

        const log = await loaded(store);
        let matched = 0;
        for (let round = 0; round < 200; round++) {
          const scope = random.scope();
          const filters = random.filters(log);
          const includeDeleted = random.chance(0.5);
          const direction = random.chance(0.5) ? ('FORWARDS' as const) : ('BACKWARDS' as const);
          const limit = random.chance(0.3) ? { limit: 1n + BigInt(Math.floor(random.pick([0, 3, 20]))) } : {};
          const request = { scope, filters, includeDeleted };
          const shown = asText({ ...request, direction, limit });
          const visible = visibility(log, scope, includeDeleted);
          if (visible === undefined) {
            await expect(loaded(store, request)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
            await expect(store.countEvents(request)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
          } else {
            const matching = log.filter(matcher(scope, filters)).filter(visible);
            matched += matching.length;
            const inOrder = direction === 'BACKWARDS' ? [...matching].reverse() : matching;
            const expected = limit.limit === undefined ? inOrder : inOrder.slice(0, Number(limit.limit));
            const found = positionsOf(await loaded(store, { ...request, direction, ...limit }));
            expect({ shown, found }).toEqual({ shown, found: positionsOf(expected) });
            const { count } = await store.countEvents(request);
            expect({ shown, count }).toEqual({ shown, count: BigInt(matching.length) });
          }
          if (round % 5 > 0) continue;
          // Followers are shown what deletion hides.
          const caughtUp = await followed(
            expect,
            store,
            { scope, filters },
            ({ signals }) => signals.length > 0,
          );
          const found = positionsOf(caughtUp.events);
          expect({ shown, found }).toEqual({
            shown,
            found: positionsOf(log.filter(matcher(scope, filters))),
          });
        }
        // Else the filters would be so narrow that nothing is compared.
        expect(matched > 1000).toBe(true);
      }),
      120_000,
    );
  });
}

interface LiveFeed {
  readonly scope: Scope;
  readonly filters: readonly Filter[];
  readonly feed: Promise<{ readonly events: readonly Event[] }>;
}

const END: Filter = { eventTypes: ['End'] };

/** Followers that have caught up with nothing, so that all they see comes live. They end with the last `End`. */
async function followLive(
  { expect }: TestFramework,
  store: EventStore,
  random: RandomSelection,
): Promise<readonly LiveFeed[]> {
  const imagined = imaginedLog(random);
  const feeds: LiveFeed[] = [];
  for (let index = 0; index < 16; index++) {
    const scope = random.scope();
    const filters = [...random.filters(imagined), END];
    const inScope = matcher(scope);
    const ends = imagined.filter((event) => event.eventType === 'End' && inScope(event)).length;
    await new Promise<void>((ready, failed) => {
      const feed = followed(expect, store, { scope, filters }, ({ events, signals }) => {
        if (signals.length > 0) ready();
        return events.filter(({ eventType }) => eventType === 'End').length >= ends && signals.length > 0;
      });
      feed.catch(failed);
      feeds.push({ scope, filters, feed });
    });
  }
  return feeds;
}

/** Events as they may come, to choose filters by that will match. */
function imaginedLog(random: RandomSelection): readonly Event[] {
  const place = { recordedAt: 0n, contentType: '', schemaVersion: 1, metadata: {}, tags: [] };
  const ends = random.streams.map((stream) => ({ ...random.event(), eventType: 'End', stream }));
  const others = random.streams.map((stream) => ({ ...random.event(), stream }));
  return [...others, ...ends].map((event, index) => ({
    ...place,
    ...event,
    eventId: '',
    version: BigInt(1 + (index % 4)),
    position: BigInt(index + 1),
  }));
}

/** Many small appends, deletions and re-creations among them; at last an `End` in each stream. */
async function write(store: EventStore, random: RandomSelection): Promise<void> {
  const some = () => Array.from({ length: random.pick([1, 2, 4]) }, () => random.event());
  const offset = (index: number) => random.streams.filter((_, place) => place % 6 === index);
  await store.append({ streams: random.streams.map((stream) => to(stream, 'NO_STREAM', random.event())) });
  for (let batch = 0; batch < 40; batch++) {
    const streams = random.streams.filter(() => random.chance(0.15));
    if (streams.length > 0)
      await store.append({ streams: streams.map((stream) => to(stream, 'STREAM_EXISTS', ...some())) });
  }
  for (const stream of offset(1)) await store.deleteStream({ stream, expectedVersion: 'ANY' });
  await store.append({ streams: offset(1).map((stream) => to(stream, 'NO_STREAM', ...some())) });
  await store.append({
    streams: random.streams.map((stream) => to(stream, 'ANY', { ...random.event(), eventType: 'End' })),
  });
}

/** Deletes, truncates, limits and erases, each in streams of their own, and waits until all of it is emptied. */
async function empty(framework: TestFramework, store: EventStore, random: RandomSelection): Promise<void> {
  const expectedVersion = 'ANY';
  const emptied: StreamId[] = [];
  for (const [index, stream] of random.streams.entries()) {
    if (index % 6 === 0) await store.deleteStream({ stream, expectedVersion });
    if (index % 6 === 2) await store.truncateStream({ stream, expectedVersion, beforeVersion: 3n });
    if (index % 6 === 3) await store.setRetention({ stream, expectedVersion, retention: { maxCount: 4n } });
    if (index % 6 === 4) await store.eraseStream({ stream, expectedVersion });
    if (index % 6 === 4 && index > 6) await store.restoreStream({ stream, expectedVersion });
    if (index % 6 === 5)
      await store.eraseEvents({ stream, expectedVersion, versions: [{ first: 1n, last: 2n }] });
    if (index % 6 >= 2) emptied.push(stream);
  }
  await eventually(framework, 'all is emptied', async () => {
    const log = await loaded(store);
    for (const [index, stream] of emptied.entries()) {
      const own = log.filter((event) => streamKey(event.stream) === streamKey(stream));
      const { firstVersion } = await store.getStream(stream);
      const first = own[0]?.version ?? 0n;
      if (index % 4 < 2 ? first !== firstVersion : own[0]?.erased !== true) return false;
      const erasure = own.find(({ eventType }) => eventType === '$stream-erased')?.position ?? 0n;
      if (own.some(({ position, erased }) => position < erasure && !erased)) return false;
    }
    return true;
  });
}

/** Which events a load shows, told from the changes in the log; `undefined` if it is refused. */
function visibility(
  log: readonly Event[],
  scope: Scope,
  includeDeleted: boolean,
): ((event: Event) => boolean) | undefined {
  if (includeDeleted || (scope.kind !== 'STREAM' && scope.kind !== 'STREAMS')) return () => true;
  const deleted = new Set<string>();
  const hiddenBefore = new Map<string, bigint>();
  for (const { stream, eventType, version } of log) {
    const key = streamKey(stream);
    if (eventType === '$stream-deleted' || eventType === '$stream-erased') deleted.add(key);
    else if (eventType === '$stream-restored') deleted.delete(key);
    else if (!isSystemEventType(eventType) && deleted.delete(key)) hiddenBefore.set(key, version);
  }
  if (scope.kind === 'STREAM' && deleted.has(streamKey(scope.stream))) return undefined;
  return ({ stream, version }) =>
    !deleted.has(streamKey(stream)) && version >= (hiddenBefore.get(streamKey(stream)) ?? 1n);
}

function positionsOf(events: readonly Event[]): readonly bigint[] {
  return events.map(({ position }) => position);
}

function asText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
}
