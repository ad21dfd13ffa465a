import type { AppendOutcome, AppendRequest, Appended } from './append.js';
import { AppendTurns, type Turn } from './append-turns.js';
import type { LedgerCommand } from './command.js';
import { eventBytes } from './event.js';
import type { CallOptions, EventStore } from './event-store.js';
import type { LoadPage, LoadRequest } from './load.js';
import { aroundAppend } from './middleware-append.js';
import { type MiddlewareOptions, middlewareFailure } from './middleware-failures.js';
import { transformedPages } from './middleware-pages.js';
import { onAbort } from './on-abort.js';
import { keptPages } from './packed-events.js';
import type { AppendHandler, LoadHandler, StoreMiddleware, SubscribeHandler } from './store-middleware.js';
import { refusalError } from './refusal-error.js';
import type { NewSnapshot, Snapshot } from './snapshot.js';
import { type StreamChange, type StreamChanged, StreamChanges } from './stream-changes.js';
import type {
  AggregateTypeList,
  CountEventsRequest,
  EventCount,
  ListAggregateTypesRequest,
  ListStreamsRequest,
  LogInfo,
  StreamList,
} from './stream-list.js';
import type { StreamId, StreamInfo } from './stream.js';
import type { SubscribeRequest, SubscriptionMessage } from './subscribe.js';
import type { WantedSnapshot } from './validate-snapshot.js';

/**
 * The store with the middleware around it, the first outermost. Everything that middleware does not see goes straight
 * through. The store itself where there is none.
 *
 * @example
 * const store = withMiddleware(connection.eventStore, [audited]);
 * const logged = withMiddleware(connection.eventStore, [audited], {
 *   onAfterAppendFailure: (error, middleware) => logger.error(error, `after an append, in ${middleware}`),
 * });
 */
export function withMiddleware(
  store: EventStore,
  middleware: readonly StoreMiddleware[],
  options: MiddlewareOptions = {},
): EventStore {
  return middleware.length === 0 ? store : new MiddlewareStore(store, middleware, options);
}

class MiddlewareStore extends StreamChanges implements EventStore {
  readonly #store: EventStore;
  readonly #options: MiddlewareOptions;
  // From the inside out, and only those that have something to do there.
  readonly #appending: readonly StoreMiddleware[];
  readonly #loading: readonly StoreMiddleware[];
  readonly #subscribing: readonly StoreMiddleware[];
  readonly #turns: AppendTurns;
  /** Only where no middleware wants to see what is read. */
  readonly loadAggregate?: NonNullable<EventStore['loadAggregate']>;

  constructor(store: EventStore, middleware: readonly StoreMiddleware[], options: MiddlewareOptions) {
    super();
    this.#store = store;
    this.#options = options;
    this.#turns = new AppendTurns(options);
    const outwards = middleware.map(bound).reverse();
    this.#appending = outwards.filter(
      (one) => one.append ?? one.beforeAppend ?? one.afterAppend ?? one.onLoad,
    );
    this.#loading = outwards.filter((one) => one.load ?? one.onLoad);
    this.#subscribing = outwards.filter((one) => one.subscribe ?? one.onLoad);
    if (this.#loading.length === 0 && store.loadAggregate)
      this.loadAggregate = store.loadAggregate.bind(store);
  }

  append(
    request: AppendRequest & { readonly onConflict: 'RETURN' },
    options?: CallOptions,
  ): Promise<AppendOutcome>;
  append(
    request: AppendRequest & { readonly onConflict?: 'THROW' },
    options?: CallOptions,
  ): Promise<Appended>;
  append(request: AppendRequest, options?: CallOptions): Promise<AppendOutcome>;
  append(request: AppendRequest, options: CallOptions = {}): Promise<AppendOutcome> {
    if (this.#appending.length === 0) return this.#store.append(request, options);
    const { signal } = options;
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    // Taken at once, so that the store sees the appends in the order in which they were called.
    let turn: Turn;
    try {
      turn = this.#turns.take(bytesOf(request));
    } catch (error) {
      return Promise.reject(error as Error);
    }
    return new Promise((resolve, reject) => {
      let handedOn = false;
      // A middleware that does not heed the signal must not hold the append, nor those behind it. What the store has, it
      // answers itself.
      const heed =
        signal &&
        onAbort(signal, () => {
          if (handedOn) return;
          turn.done();
          reject(signal.reason as Error);
        });
      const innermost: AppendHandler = async (last, how) => {
        await turn.come;
        signal?.throwIfAborted();
        handedOn = true;
        try {
          // The middleware is told of refusals as answers, whatever the caller wishes.
          return await this.#handOn({ ...last, onConflict: 'RETURN' }, how, turn);
        } finally {
          turn.done();
        }
      };
      let handler = innermost;
      for (const middleware of this.#appending) handler = aroundAppend(middleware, handler, this.#options);
      handler(request, options)
        .then((answer) => answered(answer, request))
        .then(resolve, reject)
        .finally(() => {
          heed?.();
          turn.done();
        });
    });
  }

  /** The next one may go as soon as the store has the request in its queue. */
  #handOn(
    request: AppendRequest & { readonly onConflict: 'RETURN' },
    options: CallOptions,
    turn: Turn,
  ): Promise<AppendOutcome> {
    const answer = this.#store.append(request, options);
    turn.done();
    return answer;
  }

  load(request: LoadRequest, options: CallOptions = {}): AsyncIterable<LoadPage> {
    let handler: LoadHandler = this.#loading.some((one) => one.load)
      ? (last, how) => keptPages(this.#store.load(last, how))
      : (last, how) => this.#store.load(last, how);
    for (const { name, load, onLoad } of this.#loading) {
      const next = handler;
      const shown: LoadHandler = onLoad
        ? (last, how) => transformedPages(next(last, how), onLoad, last.direction ?? 'FORWARDS')
        : next;
      handler = (last, how) => this.#typed(() => (load?.(shown) ?? shown)(last, how), name, options.signal);
    }
    return handler(request, options);
  }

  subscribe(request: SubscribeRequest, options: CallOptions = {}): AsyncIterable<SubscriptionMessage> {
    let handler: SubscribeHandler = (last, how) => this.#store.subscribe(last, how);
    for (const { name, subscribe, onLoad } of this.#subscribing) {
      const next = handler;
      const shown: SubscribeHandler = onLoad
        ? (last, how) => transformedPages(next(last, how), onLoad, 'FORWARDS')
        : next;
      handler = (last, how) =>
        this.#typed(() => (subscribe?.(shown) ?? shown)(last, how), name, options.signal);
    }
    return handler(request, options);
  }

  async *#typed<T>(
    begin: () => AsyncIterable<T>,
    middleware: string,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<T, void, undefined> {
    try {
      yield* begin();
    } catch (error) {
      throw middlewareFailure(error, middleware, this.#options, { signal });
    }
  }

  override changeStream(change: StreamChange, options?: CallOptions): Promise<StreamChanged> {
    return this.#store.changeStream(change, options);
  }

  getStream(stream: StreamId, options?: CallOptions): Promise<StreamInfo> {
    return this.#store.getStream(stream, options);
  }

  listStreams(request?: ListStreamsRequest, options?: CallOptions): Promise<StreamList> {
    return this.#store.listStreams(request, options);
  }

  listAggregateTypes(request?: ListAggregateTypesRequest, options?: CallOptions): Promise<AggregateTypeList> {
    return this.#store.listAggregateTypes(request, options);
  }

  countEvents(request?: CountEventsRequest, options?: CallOptions): Promise<EventCount> {
    return this.#store.countEvents(request, options);
  }

  findCommand(commandId: string, options?: CallOptions): Promise<LedgerCommand | undefined> {
    return this.#store.findCommand(commandId, options);
  }

  saveSnapshot(stream: StreamId, snapshot: NewSnapshot, options?: CallOptions): Promise<void> {
    return this.#store.saveSnapshot(stream, snapshot, options);
  }

  getSnapshot(
    stream: StreamId,
    wanted?: WantedSnapshot,
    options?: CallOptions,
  ): Promise<Snapshot | undefined> {
    return this.#store.getSnapshot(stream, wanted, options);
  }

  deleteSnapshots(stream: StreamId, options?: CallOptions): Promise<bigint> {
    return this.#store.deleteSnapshots(stream, options);
  }

  getLog(options?: CallOptions): Promise<LogInfo> {
    return this.#store.getLog(options);
  }
}

function bytesOf({ streams }: AppendRequest): number {
  let bytes = 0;
  for (const { events } of streams) for (const event of events) bytes += eventBytes(event);
  return bytes;
}

/** Its functions by themselves, for it may be an instance of a class. */
function bound(middleware: StoreMiddleware): StoreMiddleware {
  const { name, beforeAppend, afterAppend, onLoad, append, load, subscribe } = middleware;
  return {
    name,
    ...(beforeAppend && { beforeAppend: beforeAppend.bind(middleware) }),
    ...(afterAppend && { afterAppend: afterAppend.bind(middleware) }),
    ...(onLoad && { onLoad: onLoad.bind(middleware) }),
    ...(append && { append: append.bind(middleware) }),
    ...(load && { load: load.bind(middleware) }),
    ...(subscribe && { subscribe: subscribe.bind(middleware) }),
  };
}

/** A refusal as the caller wants to have it. */
function answered(answer: AppendOutcome, { onConflict }: AppendRequest): AppendOutcome {
  if (answer.outcome === 'REFUSED' && onConflict !== 'RETURN') throw refusalError(answer);
  return answer;
}
