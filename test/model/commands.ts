import fc from 'fast-check';
import { expect } from 'vitest';
import type { AppendRequest } from '../../src/core/append.js';
import { HeadwaterError } from '../../src/core/errors.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { Event } from '../../src/core/event.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import { eventsOf, type LoadRequest } from '../../src/core/load.js';
import type { StreamId } from '../../src/core/stream.js';
import type { StreamChange } from '../../src/core/stream-changes.js';
import { SYSTEM_EVENT_TYPE, type StreamChangeKind, systemEventData } from '../../src/core/system-events.js';
import { type Model, type ModelEvent, type ModelOutcome, same } from './model.js';

/** The store under test. */
export interface Real {
  readonly store: EventStore;
  /** In the ids of all streams and in all tags, so that sequences do not meet in one log. */
  readonly prefix: string;
  newEventId(): string;
  /** Ends the store and opens it again on the same log. */
  restart(): Promise<void>;
}

type Command = fc.AsyncCommand<Model, Real, true>;

const TYPES = ['Opened', 'Changed', 'Closed'];
const TAGS = ['a', 'b', 'c'];
const decoder = new TextDecoder();

const streams = fc.constantFrom('1', '2', '3');
const ids = (real: Real, id: string): StreamId => ({
  aggregateType: id === '3' ? 'Other' : 'Thing',
  aggregateId: `${real.prefix}-${id}`,
});
const tagsOf = (real: Real, tags: readonly string[]) => tags.map((tag) => `${real.prefix}:${tag}`);

/** A belief, that becomes a version when the command runs. */
type Belief = 'CURRENT' | 'BEHIND' | 'AHEAD' | 'NO_STREAM' | 'STREAM_EXISTS' | 'ANY';
const beliefs = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Belief>('CURRENT') },
  { weight: 3, arbitrary: fc.constant<Belief>('ANY') },
  { weight: 2, arbitrary: fc.constant<Belief>('NO_STREAM') },
  { weight: 1, arbitrary: fc.constantFrom<Belief>('BEHIND', 'AHEAD', 'STREAM_EXISTS') },
);

function expectedOf(belief: Belief, version: bigint): ExpectedVersion {
  if (belief === 'CURRENT') return version === 0n ? 'NO_STREAM' : version;
  if (belief === 'BEHIND') return version > 1n ? version - 1n : version + 1n;
  if (belief === 'AHEAD') return version + 1n;
  return belief;
}

/** What the store came to, in the words of the model. */
async function outcomeOf(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof HeadwaterError) return error;
    throw error;
  }
}

function expectOutcome(real: unknown, expected: ModelOutcome): void {
  switch (expected.kind) {
    case 'ERROR':
      return expect(real).toMatchObject({ reason: expected.reason });
    case 'CONFLICT':
      expect(real).toMatchObject({ conflicts: expected.actual.map((actual) => ({ actual })) });
      return;
    case 'CONDITION':
      return expect(real).toMatchObject({ conflicts: [], conditionFailedAt: expected.position });
    case 'DONE':
      expect(real).toMatchObject({ deduplicated: expected.repeated });
      if (typeof real === 'object' && real !== null && 'firstPosition' in real)
        return expect(real).toMatchObject({ firstPosition: expected.first, lastPosition: expected.last });
      return expect(real).toMatchObject({ position: expected.first });
  }
}

interface EventPlan {
  readonly type: string;
  readonly tags: readonly string[];
  readonly amount: number;
}

const eventPlans = fc.record({
  type: fc.constantFrom(...TYPES),
  tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
  amount: fc.integer({ min: -5, max: 15 }),
});

class Append implements Command {
  constructor(
    readonly entries: readonly { stream: string; belief: Belief; events: readonly EventPlan[] }[],
    readonly condition: { types: readonly string[]; tags: readonly string[]; back: number } | undefined,
  ) {}
  check = () => Promise.resolve(true);
  async run(model: Model, real: Real): Promise<void> {
    const request: AppendRequest = {
      streams: this.entries.map(({ stream, belief, events }) => ({
        stream: ids(real, stream),
        expectedVersion: expectedOf(belief, model.stream(ids(real, stream))?.version ?? 0n),
        events: events.map(({ type, tags, amount }) => ({
          eventId: real.newEventId(),
          eventType: type,
          data: new TextEncoder().encode(String(amount)),
          tags: tagsOf(real, tags),
          metadata: { amount: String(amount) },
        })),
      })),
      ...this.#condition(model, real),
      onConflict: 'RETURN',
    };
    const expected = model.append(request);
    expectOutcome(await outcomeOf(real.store.append(request)), expected);
  }
  /** About this sequence's tags always; events that fade may or may not count, so the condition begins behind them. */
  #condition(model: Model, real: Real): Pick<AppendRequest, 'condition'> {
    if (this.condition === undefined) return {};
    const item = { eventTypes: this.condition.types, tags: tagsOf(real, this.condition.tags) };
    const wished = model.head - BigInt(this.condition.back);
    const begin = wished > model.base ? wished : model.base;
    const position = model.log.reduce(
      (after, event) => (model.fades(event) && event.position > after ? event.position : after),
      begin,
    );
    return { condition: { items: [item], after: { position } } };
  }
  toString = () => `append(${JSON.stringify(this.entries)}, ${JSON.stringify(this.condition)})`;
}

class Retry implements Command {
  constructor(
    readonly which: number,
    readonly how: 'SAME' | 'OTHER_DATA' | 'SUBSET',
  ) {}
  check = (model: Readonly<Model>) => Promise.resolve(model.appends.length > 0);
  async run(model: Model, real: Real): Promise<void> {
    const { request } = model.appends[this.which % model.appends.length] ?? { request: { streams: [] } };
    let again = request;
    const [first] = request.streams.filter(({ events }) => events.length > 0);
    const many = request.streams.reduce((sum, { events }) => sum + events.length, 0) > 1;
    if (this.how === 'OTHER_DATA' && first !== undefined)
      again = {
        ...request,
        streams: [
          { ...first, events: first.events.map((event) => ({ ...event, data: Uint8Array.of(1, 2) })) },
        ],
      };
    if (this.how === 'SUBSET' && first !== undefined && many)
      again = { ...request, streams: [{ ...first, events: first.events.slice(0, 1) }] };
    expectOutcome(await outcomeOf(real.store.append(again)), model.append(again));
  }
  toString = () => `retry(${this.which}, ${this.how})`;
}

type ChangePlan =
  | { readonly kind: 'DELETE' | 'RESTORE' | 'ERASE' }
  | { readonly kind: 'TRUNCATE'; readonly share: number }
  | { readonly kind: 'SET_RETENTION'; readonly maxCount: number | undefined }
  | { readonly kind: 'ERASE_EVENTS'; readonly share: number; readonly length: number };

class Change implements Command {
  constructor(
    readonly stream: string,
    readonly belief: Belief,
    readonly plan: ChangePlan,
  ) {}
  check = () => Promise.resolve(true);
  async run(model: Model, real: Real): Promise<void> {
    const stream = ids(real, this.stream);
    const version = model.stream(stream)?.version ?? 0n;
    const expected = expectedOf(this.belief, version);
    const change = {
      ...this.#kind(version),
      stream,
      expectedVersion: expected,
      eventId: real.newEventId(),
      metadata: { by: 'model' },
    } satisfies StreamChange;
    const data = decoder.decode(systemEventData(change));
    const outcome = model.change(change, data, SYSTEM_EVENT_TYPE[change.kind]);
    expectOutcome(await outcomeOf(real.store.changeStream(change)), outcome);
    // The same once more is answered as the first time, if there was one.
    if (outcome.kind === 'DONE')
      expectOutcome(
        await outcomeOf(real.store.changeStream(change)),
        model.change(change, data, SYSTEM_EVENT_TYPE[change.kind]),
      );
  }
  #kind(version: bigint): StreamChangeKind {
    const at = (share: number) => BigInt(Math.round(Number(version) * share));
    switch (this.plan.kind) {
      case 'TRUNCATE': {
        const before = at(this.plan.share) + 1n;
        return { kind: 'TRUNCATE', beforeVersion: before < 2n ? 2n : before };
      }
      case 'SET_RETENTION':
        return {
          kind: 'SET_RETENTION',
          retention: this.plan.maxCount === undefined ? {} : { maxCount: BigInt(this.plan.maxCount) },
        };
      case 'ERASE_EVENTS': {
        const first = at(this.plan.share) < 1n ? 1n : at(this.plan.share);
        return { kind: 'ERASE_EVENTS', versions: [{ first, last: first + BigInt(this.plan.length) }] };
      }
      default:
        return { kind: this.plan.kind };
    }
  }
  toString = () => `change(${this.stream}, ${this.belief}, ${JSON.stringify(this.plan)})`;
}

/** Compares what was read with what the model has; events that fade may be missing. */
function expectEvents(model: Model, found: readonly Event[], expected: readonly ModelEvent[]): void {
  const positions = new Set(found.map(({ position }) => position));
  const wanted = expected.filter((event) => positions.has(event.position) || !model.fades(event));
  expect(found.map(readable)).toEqual(wanted.map(modelReadable));
}

const readable = (event: Event) => ({
  id: event.eventId,
  stream: event.stream,
  version: event.version,
  position: event.position,
  type: event.eventType,
  data: decoder.decode(event.data),
  tags: [...event.tags],
  metadata: { ...event.metadata },
  erased: event.erased ?? false,
});
const modelReadable = ({
  id,
  stream,
  version,
  position,
  type,
  data,
  tags,
  metadata,
  erased,
}: ModelEvent) => ({
  id,
  stream,
  version,
  position,
  type,
  data,
  tags: [...tags],
  metadata: { ...metadata },
  erased,
});

class LoadLog implements Command {
  constructor(
    readonly back: number,
    readonly filter: { types: readonly string[]; tags: readonly string[]; least: number | undefined },
    readonly backwards: boolean,
  ) {}
  check = () => Promise.resolve(true);
  async run(model: Model, real: Real): Promise<void> {
    const wished = model.head - BigInt(this.back);
    const first = (wished > model.base ? wished : model.base) + 1n;
    const tags = tagsOf(real, this.filter.tags);
    const { least } = this.filter;
    const request: LoadRequest = {
      filters: [
        {
          eventTypes: this.filter.types,
          tags,
          positions: { first },
          ...(least === undefined
            ? {}
            : {
                metadata: [
                  { key: 'amount', operator: 'GREATER_OR_EQUAL', kind: 'NUMBER', values: [String(least)] },
                ],
              }),
        },
      ],
      direction: this.backwards ? 'BACKWARDS' : 'FORWARDS',
    };
    const expected = model.log.filter(
      (event) =>
        event.position >= first &&
        (this.filter.types.length === 0 || this.filter.types.includes(event.type)) &&
        tags.every((tag) => event.tags.includes(tag)) &&
        (least === undefined || Number(event.metadata['amount'] ?? Number.NaN) >= least),
    );
    const found = await all(real.store.load(request));
    expectEvents(model, this.backwards ? found.toReversed() : found, expected);
    const { count } = await real.store.countEvents({ filters: request.filters ?? [] });
    expect(Number(count)).toBeGreaterThanOrEqual(expected.filter((event) => !model.fades(event)).length);
    expect(Number(count)).toBeLessThanOrEqual(expected.length);
  }
  toString = () => `loadLog(${this.back}, ${JSON.stringify(this.filter)}, ${this.backwards})`;
}

async function all(pages: AsyncIterable<{ readonly events: readonly Event[] }>): Promise<readonly Event[]> {
  const events: Event[] = [];
  for await (const event of eventsOf(pages)) events.push(event);
  return events;
}

class LoadStream implements Command {
  constructor(
    readonly stream: string,
    readonly includeDeleted: boolean,
    readonly limit: number | undefined,
  ) {}
  check = () => Promise.resolve(true);
  async run(model: Model, real: Real): Promise<void> {
    const stream = ids(real, this.stream);
    const state = model.stream(stream);
    const request: LoadRequest = {
      scope: { kind: 'STREAM', stream },
      includeDeleted: this.includeDeleted,
      ...(this.limit === undefined ? {} : { limit: BigInt(this.limit) }),
    };
    const found = await outcomeOf(all(real.store.load(request)));
    const info = await outcomeOf(real.store.getStream(stream));
    if (state === undefined) {
      expect(found).toMatchObject({ reason: 'STREAM_NOT_FOUND' });
      expect(info).toMatchObject({ reason: 'STREAM_NOT_FOUND' });
      return;
    }
    const lowest = [model.firstKept(stream), state.hiddenBefore].reduce((a, b) => (a > b ? a : b));
    expect(info).toMatchObject({
      version: state.version,
      firstVersion: lowest > state.version ? state.version + 1n : lowest,
      retention: state.maxCount === undefined ? {} : { maxCount: state.maxCount },
    });
    expect((info as { deletedAt: unknown }).deletedAt !== undefined).toBe(state.deleted);
    if (state.deleted && !this.includeDeleted) {
      expect(found).toMatchObject({ reason: 'STREAM_DELETED' });
      return;
    }
    const expected = model.log.filter(
      (event) => same(event.stream, stream) && model.shows(event, this.includeDeleted),
    );
    // Of one stream nothing that fades is shown.
    expect((found as readonly Event[]).map(readable)).toEqual(
      expected.slice(0, this.limit ?? expected.length).map(modelReadable),
    );
  }
  toString = () => `loadStream(${this.stream}, ${this.includeDeleted}, ${this.limit})`;
}

class Subscribe implements Command {
  constructor(readonly back: number) {}
  check = () => Promise.resolve(true);
  async run(model: Model, real: Real): Promise<void> {
    const wished = model.head - BigInt(this.back);
    const position = wished > model.base ? wished : model.base;
    const found: Event[] = [];
    let reached = position;
    const abort = new AbortController();
    for await (const message of real.store.subscribe(
      { start: { kind: 'AFTER', after: { position } } },
      { signal: abort.signal },
    )) {
      expect(message.scannedAfter).toBe(reached);
      reached = message.scannedTo;
      found.push(...message.events);
      if (message.signal?.kind === 'CAUGHT_UP') break;
    }
    expect(reached).toBe(model.head);
    expectEvents(
      model,
      found,
      model.log.filter((event) => event.position > position),
    );
  }
  toString = () => `subscribe(${this.back})`;
}

class ListStreams implements Command {
  constructor(
    readonly deleted: 'EXCLUDE' | 'INCLUDE' | 'ONLY',
    readonly pageSize: number,
  ) {}
  check = () => Promise.resolve(true);
  async run(model: Model, real: Real): Promise<void> {
    const found: [string, bigint][] = [];
    let pageToken: string | undefined;
    do {
      const page = await real.store.listStreams({
        aggregateType: 'Thing',
        aggregateIdPrefix: `${real.prefix}-`,
        deleted: this.deleted,
        pageSize: this.pageSize,
        ...(pageToken === undefined ? {} : { pageToken }),
      });
      found.push(
        ...page.streams.map(({ stream, version }) => [stream.aggregateId, version] as [string, bigint]),
      );
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    const expected = [...model.streams.values()]
      .filter(({ id }) => id.aggregateType === 'Thing')
      .filter(({ deleted }) => this.deleted === 'INCLUDE' || deleted === (this.deleted === 'ONLY'))
      .map(({ id, version }) => [id.aggregateId, version] as [string, bigint])
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    expect(found).toEqual(expected);
  }
  toString = () => `listStreams(${this.deleted}, ${this.pageSize})`;
}

class Restart implements Command {
  check = () => Promise.resolve(true);
  async run(_model: Model, real: Real): Promise<void> {
    await real.restart();
  }
  toString = () => 'restart()';
}

const condition = fc.option(
  fc.record({
    types: fc.uniqueArray(fc.constantFrom(...TYPES), { maxLength: 2 }),
    tags: fc.uniqueArray(fc.constantFrom(...TAGS), { minLength: 1, maxLength: 2 }),
    back: fc.nat(6),
  }),
  { nil: undefined, freq: 2 },
);

const entries = fc.uniqueArray(
  fc.record({
    stream: streams,
    belief: beliefs,
    events: fc.array(eventPlans, { maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 2, selector: ({ stream }) => stream },
);

const changePlans: fc.Arbitrary<ChangePlan> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('DELETE' as const, 'RESTORE' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('ERASE' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('TRUNCATE' as const),
      share: fc.constantFrom(0, 0.3, 0.7, 1, 1.5),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('SET_RETENTION' as const),
      maxCount: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ERASE_EVENTS' as const),
      share: fc.constantFrom(0, 0.3, 0.7, 1.2),
      length: fc.nat(2),
    }),
  },
);

/** Sequences of commands; appends most of all. */
export const commands = fc.commands<Model, Real, true>(
  [
    ...Array.from({ length: 4 }, () =>
      fc.tuple(entries, condition).map(([some, unless]): Command => new Append(some, unless)),
    ),
    fc
      .tuple(
        fc.nat(20),
        fc.constantFrom('SAME' as const, 'SAME' as const, 'OTHER_DATA' as const, 'SUBSET' as const),
      )
      .map(([which, how]): Command => new Retry(which, how)),
    ...Array.from({ length: 2 }, () =>
      fc
        .tuple(streams, beliefs, changePlans)
        .map(([stream, belief, plan]): Command => new Change(stream, belief, plan)),
    ),
    fc
      .tuple(
        fc.nat(20),
        fc.record({
          types: fc.uniqueArray(fc.constantFrom(...TYPES), { maxLength: 2 }),
          tags: fc.uniqueArray(fc.constantFrom(...TAGS), { maxLength: 2 }),
          least: fc.option(fc.integer({ min: -5, max: 15 }), { nil: undefined }),
        }),
        fc.boolean(),
      )
      .map(([back, filter, backwards]): Command => new LoadLog(back, filter, backwards)),
    fc
      .tuple(streams, fc.boolean(), fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }))
      .map(([stream, deleted, limit]): Command => new LoadStream(stream, deleted, limit)),
    fc.nat(10).map((back): Command => new Subscribe(back)),
    fc
      .tuple(
        fc.constantFrom('EXCLUDE' as const, 'INCLUDE' as const, 'ONLY' as const),
        fc.constantFrom(1, 2, 100),
      )
      .map(([deleted, size]): Command => new ListStreams(deleted, size)),
    fc.constant<Command>(new Restart()),
  ],
  { maxCommands: 40, size: 'max' },
);
