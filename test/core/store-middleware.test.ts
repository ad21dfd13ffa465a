import { describe, expect, it, vi } from 'vitest';
import type { AppendOutcome } from '../../src/core/append.js';
import {
  AppendConditionFailedError,
  AppendRefusedError,
  HeadwaterError,
  InternalError,
  InvalidRequestError,
  StoreUnavailableError,
  WrongExpectedVersionError,
} from '../../src/core/errors.js';
import type { Event, NewEvent } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { LoadPage } from '../../src/core/load.js';
import type { MiddlewareOptions } from '../../src/core/middleware-failures.js';
import { withMiddleware } from '../../src/core/middleware-store.js';
import { receivedData, withData } from '../../src/core/received-data.js';
import type { StoreMiddleware } from '../../src/core/store-middleware.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { appendTo, eventId, loaded, loadedPages, newEvent, thing, to } from '../../src/testing/builders.js';
import { storedEvent } from './events.js';

const stream = thing('1');
const strict: MiddlewareOptions = {
  onAfterAppendFailure: (error, middleware) => {
    throw new Error(`Not expected of ${middleware}`, { cause: error });
  },
};

const memory = () => createMemoryEventStore({ runtime: systemRuntime });
const decorated = (middleware: readonly StoreMiddleware[], store: EventStore = memory()) => ({
  below: store,
  store: withMiddleware(store, middleware, strict),
});
const text = (data: Uint8Array) => new TextDecoder().decode(data);
const bytes = (value: string) => new TextEncoder().encode(value);

/** Adds its name to the data on the way in, and takes nothing away. */
const marking = (name: string): StoreMiddleware => ({
  name,
  beforeAppend: (event) => ({ ...event, data: bytes(`${text(event.data)}${name}`) }),
});
/** Adds its name to the data on the way out. */
const unmarking = (name: string): StoreMiddleware => ({
  name,
  onLoad: (event) => ({ ...event, data: bytes(`${text(event.data)}${name}`) }),
});

/** A store of which only some operations are there, for what the real ones cannot be made to do. */
function storeThat(operations: Partial<EventStore>): EventStore {
  return operations as EventStore;
}

const committed = (position: bigint): AppendOutcome => ({
  outcome: 'APPENDED',
  firstPosition: position,
  lastPosition: position,
  versions: [],
  eventIds: [],
  recordedAt: 1n,
  epoch: 1n,
  deduplicated: false,
});

async function failureOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error('The call did not fail');
}

describe('a store with middleware', () => {
  it('is the store itself when there is none', () => {
    const store = memory();
    expect(withMiddleware(store, [], strict)).toBe(store);
  });

  it('lets the first middleware see an append first and a read last', async () => {
    const { below, store } = decorated([marking('a'), marking('b')]);
    await store.append(appendTo(stream, newEvent({ data: bytes('') })));
    expect((await loaded(below)).map(({ data }) => text(data))).toEqual(['ab']);
    const { store: reader } = decorated([unmarking('a'), unmarking('b')], below);
    expect((await loaded(reader)).map(({ data }) => text(data))).toEqual(['abba']);
  });

  it('takes an instance of a class as well', async () => {
    class Counting implements StoreMiddleware {
      readonly name = 'counting';
      events = 0;
      beforeAppend(event: NewEvent): NewEvent {
        this.events += 1;
        return event;
      }
    }
    const counting = new Counting();
    await decorated([counting]).store.append(appendTo(stream, newEvent(), newEvent()));
    expect(counting.events).toBe(2);
  });

  it('sees on load what the store has added', async () => {
    const seen: Event[] = [];
    const { store } = decorated([
      {
        name: 'seeing',
        onLoad: (event) => {
          seen.push(event);
          return event;
        },
      },
    ]);
    await store.append(appendTo(stream, newEvent(), newEvent()));
    await loaded(store);
    expect(seen.map(({ position, version }) => [position, version])).toEqual([
      [1n, 1n],
      [2n, 2n],
    ]);
  });
});

describe('before an append', () => {
  it('a middleware may refuse it: nothing is written and the caller knows who it was', async () => {
    const { below, store } = decorated([
      {
        name: 'limits',
        beforeAppend: () => {
          throw new AppendRefusedError('limits', 'Not on Sundays');
        },
      },
    ]);
    const failure = await failureOf(store.append(appendTo(stream, newEvent())));
    expect(failure).toMatchObject({
      reason: 'APPEND_REFUSED',
      middleware: 'limits',
      message: 'Not on Sundays',
      outcome: 'NOT_APPLIED',
    });
    expect(await loaded(below)).toEqual([]);
  });

  it('a module that cannot import the class refuses by the reason', async () => {
    const refusal = Object.assign(new Error('Not on Sundays'), { reason: 'APPEND_REFUSED' });
    const { store } = decorated([{ name: 'foreign', beforeAppend: () => Promise.reject(refusal) }]);
    const failure = await failureOf(store.append(appendTo(stream, newEvent())));
    expect(failure).toBeInstanceOf(AppendRefusedError);
    expect(failure).toMatchObject({ middleware: 'foreign', message: 'Not on Sundays' });
  });

  it('the store validates what the middleware made of it', async () => {
    const { store } = decorated([
      { name: 'reserved', beforeAppend: (event) => ({ ...event, eventType: '$mine' }) },
    ]);
    const failure = await failureOf(store.append(appendTo(stream, newEvent())));
    expect(failure).toBeInstanceOf(InvalidRequestError);
    expect(failure).toMatchObject({ violations: [{ field: 'streams[0].events[0].event_type' }] });
  });

  it('what it throws besides does not leak', async () => {
    const { store } = decorated([
      {
        name: 'broken',
        beforeAppend: () => {
          throw new TypeError('secret');
        },
      },
    ]);
    const failure = await failureOf(store.append(appendTo(stream, newEvent())));
    expect(failure).toBeInstanceOf(InternalError);
    expect(failure).toMatchObject({
      message: 'Internal error in middleware broken',
      outcome: 'NOT_APPLIED',
      cause: { message: 'secret' },
    });
  });

  it('the one who puts things together may make that error', async () => {
    const told: unknown[] = [];
    const store = withMiddleware(memory(), [{ name: 'broken', onLoad: () => Promise.reject(new Error()) }], {
      ...strict,
      onUnexpected: (error, middleware, outcome) => {
        told.push([error, middleware, outcome]);
        return new InternalError('number 7', { outcome });
      },
    });
    await store.append(appendTo(stream, newEvent()));
    expect(await failureOf(loaded(store))).toMatchObject({ errorId: 'number 7' });
    expect(told).toEqual([[new Error(), 'broken', undefined]]);
  });

  it('a middleware that gives nothing is told what it must give', async () => {
    const forgetful = { name: 'forgetful', beforeAppend: () => undefined } as unknown as StoreMiddleware;
    const failure = await failureOf(decorated([forgetful]).store.append(appendTo(stream, newEvent())));
    expect(failure).toMatchObject({ cause: new TypeError('beforeAppend must give the event to store') });
  });

  it('a repeat is known by the data as the caller sent it, whatever a middleware makes of it', async () => {
    const received: string[] = [];
    let nonce = 0;
    const store = withMiddleware(
      storeThat({
        append: ((request: { streams: readonly { events: readonly NewEvent[] }[] }) => {
          for (const event of request.streams[0]?.events ?? [])
            received.push(`${text(receivedData(event))} as ${text(event.data)}`);
          return Promise.resolve(committed(1n));
        }) as EventStore['append'],
      }),
      [
        { name: 'spreading', beforeAppend: (event) => ({ ...event, data: bytes(`${nonce++}`) }) },
        {
          name: 'from scratch',
          beforeAppend: (event) => ({ eventType: 'Other', data: bytes(`${text(event.data)}!`) }),
        },
        { name: 'by itself', beforeAppend: (event) => withData(event, bytes(`${text(event.data)}?`)) },
        {
          name: 'whole',
          append: (next) => (request, options) =>
            next(
              {
                streams: request.streams.map((entry) => ({
                  ...entry,
                  events: entry.events.map((event) => withData(event, bytes(`${text(event.data)};`))),
                })),
              },
              options,
            ),
        },
      ],
      strict,
    );
    await store.append(appendTo(stream, newEvent({ data: bytes('sent') })));
    await store.append(appendTo(stream, newEvent({ data: bytes('sent') })));
    expect(received).toEqual(['sent as 0!?;', 'sent as 1!?;']);
  });
});

describe('the order of appends', () => {
  /** Notes the order in which appends reach it. */
  function noting() {
    const order: string[] = [];
    const store = storeThat({
      append: ((request: { streams: readonly { stream: { aggregateId: string } }[] }) => {
        order.push(request.streams[0]?.stream.aggregateId ?? '');
        return Promise.resolve(committed(BigInt(order.length)));
      }) as EventStore['append'],
    });
    return { order, store };
  }
  const to = (id: string) => appendTo(thing(id), newEvent());

  it('is the one in which they came, however long the middleware takes for each', async () => {
    const { order, store: below } = noting();
    let takes = 8;
    const store = withMiddleware(
      below,
      [
        {
          name: 'ever quicker',
          beforeAppend: async (event) => {
            await systemRuntime.sleep((takes -= 2));
            return event;
          },
        },
      ],
      strict,
    );
    const ids = ['a', 'b', 'c', 'd'];
    await Promise.all(ids.map((id) => store.append(to(id))));
    expect(order).toEqual(ids);
  });

  it('holds back those behind a slow one, but not for one that is refused or never handed on', async () => {
    const { order, store: below } = noting();
    const gates = new Map<string, PromiseWithResolvers>();
    const gate = (id: string) => {
      const made = gates.get(id) ?? withResolvers();
      gates.set(id, made);
      return made;
    };
    const store = withMiddleware(
      below,
      [
        {
          name: 'gated',
          append: (next) => async (request, options) => {
            const id = request.streams[0]?.stream.aggregateId ?? '';
            await gate(id).promise;
            return id === 'answered here' ? committed(0n) : next(request, options);
          },
        },
      ],
      strict,
    );
    const calls = ['refused', 'answered here', 'slow', 'quick'].map((id) => store.append(to(id)));
    const refusal = failureOf(calls[0] ?? Promise.resolve());
    gate('quick').resolve();
    await systemRuntime.sleep(5);
    expect(order).toEqual([]);
    gate('slow').resolve();
    gate('answered here').resolve();
    await systemRuntime.sleep(5);
    expect(order).toEqual([]);
    gate('refused').reject(new AppendRefusedError('gated', 'No'));
    expect(await refusal).toBeInstanceOf(AppendRefusedError);
    await Promise.all(calls.slice(1));
    expect(order).toEqual(['slow', 'quick']);
  });

  it('lets those behind go on when a hanging one is aborted', async () => {
    const { order, store: below } = noting();
    const store = withMiddleware(
      below,
      [
        {
          name: 'hangs',
          beforeAppend: (event, { streams }) =>
            streams[0]?.stream.aggregateId === 'hangs' ? new Promise(() => undefined) : event,
        },
      ],
      strict,
    );
    const leaving = new AbortController();
    const hanging = failureOf(store.append(to('hangs'), { signal: leaving.signal }));
    const behind = store.append(to('behind'));
    const reason = new Error('Left');
    leaving.abort(reason);
    expect(await hanging).toBe(reason);
    await behind;
    expect(order).toEqual(['behind']);
    expect(await failureOf(store.append(to('late'), { signal: leaving.signal }))).toBe(reason);
  });

  it('has room for so many that wait, and says when there is none', async () => {
    const { order, store: below } = noting();
    const gate = withResolvers();
    const slow: StoreMiddleware = {
      name: 'slow',
      beforeAppend: async (event) => {
        await gate.promise;
        return event;
      },
    };
    const few = withMiddleware(below, [slow], { ...strict, queueRequests: 2 });
    const waiting = [few.append(to('a')), few.append(to('b'))];
    expect(await failureOf(few.append(to('c')))).toMatchObject({
      reason: 'OVERLOADED',
      limit: 'append_queue_requests',
      outcome: 'NOT_APPLIED',
    });
    const small = withMiddleware(below, [slow], { ...strict, queueBytes: 100 });
    waiting.push(small.append(appendTo(thing('large'), newEvent({ data: new Uint8Array(200) }))));
    expect(await failureOf(small.append(to('d')))).toMatchObject({ limit: 'append_queue_bytes' });
    gate.resolve();
    await Promise.all(waiting);
    await few.append(to('e'));
    await small.append(to('f'));
    expect(order.toSorted()).toEqual(['a', 'b', 'e', 'f', 'large']);
  });

  it('lets a middleware try again', async () => {
    let calls = 0;
    const below = storeThat({
      append: (() =>
        ++calls === 1
          ? Promise.reject(new StoreUnavailableError('Away', { outcome: 'UNKNOWN' }))
          : Promise.resolve(committed(1n))) as EventStore['append'],
    });
    const store = withMiddleware(
      below,
      [
        {
          name: 'again',
          append: (next) => async (request, options) => {
            try {
              return await next(request, options);
            } catch (error) {
              if (!(error instanceof StoreUnavailableError)) throw error;
              return next(request, options);
            }
          },
        },
      ],
      strict,
    );
    expect(await store.append(to('a'))).toMatchObject({ outcome: 'APPENDED' });
    expect(calls).toBe(2);
  });
});

describe('after an append', () => {
  it('a middleware is told what was committed, repeats and refusals included', async () => {
    const told: [string, unknown][] = [];
    const { store } = decorated([
      {
        name: 'telling',
        afterAppend: async (outcome, { streams }) => {
          await Promise.resolve();
          told.push([
            outcome.outcome === 'APPENDED' ? `appended ${outcome.deduplicated}` : 'refused',
            streams[0]?.events.length,
          ]);
        },
      },
    ]);
    const first = appendTo(stream, newEvent({ eventId: eventId(1) }));
    await store.append(first);
    await store.append(first);
    const refused = { streams: [to(stream, 'NO_STREAM', newEvent(), newEvent())] };
    expect(await failureOf(store.append(refused))).toBeInstanceOf(WrongExpectedVersionError);
    expect(await store.append({ ...refused, onConflict: 'RETURN' })).toMatchObject({ outcome: 'REFUSED' });
    expect(told).toEqual([
      ['appended false', 1],
      ['appended true', 1],
      ['refused', 2],
      ['refused', 2],
    ]);
  });

  it('its failure is reported, and the answer stands', async () => {
    const reported: [unknown, string][] = [];
    const failing = (name: string): StoreMiddleware => ({
      name,
      afterAppend: () => Promise.reject(new Error(name)),
    });
    const late: StoreMiddleware = {
      name: 'late',
      append: (next) => async (request, options) => {
        await next(request, options);
        throw new AppendRefusedError('late', 'Too late');
      },
    };
    const store = withMiddleware(memory(), [failing('a'), late, failing('b')], {
      onAfterAppendFailure: (error, middleware) => reported.push([error, middleware]),
    });
    expect(await store.append(appendTo(stream, newEvent()))).toMatchObject({ lastPosition: 1n });
    expect(reported.map(([error, name]) => [(error as Error).message, name])).toEqual([
      ['b', 'b'],
      ['Too late', 'late'],
      ['a', 'a'],
    ]);
    const conflict = failureOf(store.append({ streams: [to(stream, 'NO_STREAM')] }));
    expect(await conflict).toMatchObject({ reason: 'APPEND_REFUSED' });
  });

  it('and are written to standard error where nobody asked to be told', async () => {
    const told = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    try {
      const store = withMiddleware(memory(), [
        { name: 'late', afterAppend: () => Promise.reject(new Error('Too late')) },
      ]);
      expect(await store.append(appendTo(stream, newEvent()))).toMatchObject({ lastPosition: 1n });
      expect(told.mock.calls).toEqual([
        ['The middleware late failed after its append was committed:', new Error('Too late')],
      ]);
    } finally {
      told.mockRestore();
    }
  });

  it('a refused condition is thrown as such', async () => {
    const store = withMiddleware(
      storeThat({
        append: (() =>
          Promise.resolve({
            outcome: 'REFUSED',
            conflicts: [],
            conditionFailedAt: 4n,
          })) as unknown as EventStore['append'],
      }),
      [{ name: 'any', afterAppend: () => undefined }],
      strict,
    );
    const failure = await failureOf(store.append(appendTo(stream, newEvent())));
    expect(failure).toBeInstanceOf(AppendConditionFailedError);
    expect(failure).toMatchObject({ position: 4n });
  });

  it('an error of the store goes through as it is', async () => {
    const away = new StoreUnavailableError('Away', { outcome: 'UNKNOWN' });
    const store = withMiddleware(
      storeThat({ append: (() => Promise.reject(away)) as EventStore['append'] }),
      [marking('a')],
      strict,
    );
    expect(await failureOf(store.append(appendTo(stream, newEvent())))).toBe(away);
  });

  it('what a middleware throws instead of it is not known to be unapplied', async () => {
    const store = withMiddleware(
      storeThat({
        append: (() =>
          Promise.reject(new StoreUnavailableError('Away', { outcome: 'UNKNOWN' }))) as EventStore['append'],
      }),
      [
        {
          name: 'hiding',
          append: (next) => async (request, options) => {
            try {
              return await next(request, options);
            } catch (error) {
              throw new Error('Hidden', { cause: error });
            }
          },
        },
      ],
      strict,
    );
    const failure = await failureOf(store.append(appendTo(stream, newEvent())));
    expect(failure).toBeInstanceOf(InternalError);
    expect((failure as HeadwaterError).outcome).toBe('UNKNOWN');
  });
});

describe('on load', () => {
  it('loads, subscriptions and the events that come with a refusal are transformed alike', async () => {
    const { below, store } = decorated([unmarking('!')]);
    await below.append(appendTo(stream, newEvent({ data: bytes('hi') })));
    const shown = [...(await loaded(store))];
    for await (const { events } of store.subscribe({})) {
      shown.push(...events);
      if (events.length > 0) break;
    }
    const refusing = withMiddleware(
      storeThat({
        append: (() =>
          Promise.resolve({
            outcome: 'REFUSED',
            conflicts: [],
            intervening: { events: [storedEvent({ data: bytes('hi') })], truncated: false },
          })) as unknown as EventStore['append'],
      }),
      [unmarking('!')],
      strict,
    );
    const refused = await refusing.append({
      ...appendTo(stream),
      onConflict: 'RETURN',
      interveningBytes: 1000,
    });
    if (refused.outcome === 'REFUSED') shown.push(...(refused.intervening?.events ?? []));
    expect(shown.map(({ data }) => text(data))).toEqual(['hi!', 'hi!', 'hi!']);
  });

  it("the store's own events and erased ones are left alone", async () => {
    const events = [
      storedEvent({ eventType: '$stream-deleted' }),
      storedEvent({ position: 2n, erased: true }),
      storedEvent({ position: 3n }),
    ];
    const store = withMiddleware(
      pagesOf([{ events, scannedAfter: 0n, scannedTo: 3n, epoch: 1n }]),
      [unmarking('!')],
      strict,
    );
    expect((await loaded(store)).map(({ data }) => text(data))).toEqual(['', '', '!']);
  });

  it('an event may not change its place', async () => {
    const store = withMiddleware(
      pagesOf([{ events: [storedEvent()], scannedAfter: 0n, scannedTo: 1n, epoch: 1n }]),
      [{ name: 'moving', onLoad: (event) => ({ ...event, position: 2n }) }],
      strict,
    );
    expect(await failureOf(loaded(store))).toMatchObject({ message: 'Internal error in middleware moving' });
  });

  it.each(['FORWARDS', 'BACKWARDS'] as const)(
    'a page that has grown is given in pieces whose ranges meet: %s',
    async (direction) => {
      const at = [1n, 2n, 4n, 7n, 8n];
      const positions = direction === 'FORWARDS' ? at : at.toReversed();
      const page: LoadPage = {
        events: positions.map((position) => storedEvent({ position })),
        scannedAfter: 0n,
        scannedTo: 9n,
        epoch: 1n,
      };
      const store = withMiddleware(
        pagesOf([page]),
        [{ name: 'unpacking', onLoad: (event) => ({ ...event, data: new Uint8Array(900_000) }) }],
        strict,
      );
      const pages = await loadedPages(store, { direction });
      expect(pages.map(({ events }) => events.length)).toEqual([2, 2, 1]);
      expect(pages.flatMap(({ events }) => events.map(({ position }) => position))).toEqual(positions);
      const ranges = pages.map(({ scannedAfter, scannedTo }) => [scannedAfter, scannedTo]);
      expect(ranges).toEqual(
        direction === 'FORWARDS'
          ? [
              [0n, 2n],
              [2n, 7n],
              [7n, 9n],
            ]
          : [
              [6n, 9n],
              [1n, 6n],
              [0n, 1n],
            ],
      );
    },
  );

  it('events that have grown keep to the budget of a refusal', async () => {
    const store = withMiddleware(
      storeThat({
        append: (() =>
          Promise.resolve({
            outcome: 'REFUSED',
            conflicts: [],
            intervening: { events: [storedEvent(), storedEvent({ position: 2n })], truncated: false },
          })) as unknown as EventStore['append'],
      }),
      [{ name: 'unpacking', onLoad: (event) => ({ ...event, data: new Uint8Array(600) }) }],
      strict,
    );
    const refused = await store.append({ ...appendTo(stream), onConflict: 'RETURN', interveningBytes: 1000 });
    expect(refused).toMatchObject({ intervening: { events: [{ position: 1n }], truncated: true } });
  });

  it('a reader that leaves ends the load below', async () => {
    let ended = false;
    const store = withMiddleware(
      storeThat({
        load: async function* () {
          try {
            for (let position = 1n; ; position++)
              yield {
                events: [storedEvent({ position })],
                scannedAfter: position - 1n,
                scannedTo: position,
                epoch: 1n,
              };
          } finally {
            ended = true;
          }
        },
      }),
      [unmarking('!'), { name: 'around', load: (next) => (request, options) => next(request, options) }],
      strict,
    );
    for await (const page of store.load({})) if (page.scannedTo === 3n) break;
    expect(ended).toBe(true);
  });

  it('the reason of an abort comes back as it was given', async () => {
    const leaving = new AbortController();
    const { store } = decorated([unmarking('!')]);
    const reason = new Error('Left');
    const following = failureOf(
      (async () => {
        for await (const { signal } of store.subscribe({}, { signal: leaving.signal }))
          if (signal?.kind === 'CAUGHT_UP') leaving.abort(reason);
      })(),
    );
    expect(await following).toBe(reason);
  });
});

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve: () => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}

function pagesOf(pages: readonly LoadPage[]): EventStore {
  return storeThat({
    load: async function* () {
      yield* pages;
    },
  });
}
