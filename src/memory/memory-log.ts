import { StreamDeletedError, StreamNotFoundError } from '../core/errors.js';
import type { Event, Microseconds } from '../core/event.js';
import type { Scope } from '../core/filter.js';
import { type LoadPage, type LoadRequest, withLoadDefaults } from '../core/load.js';
import type { Epoch, Log, LogHead, Selection } from '../core/log.js';
import { matcher, positionBounds } from '../core/matcher.js';
import type { Runtime } from '../core/runtime.js';
import { type StreamId, streamKey } from '../core/stream.js';
import type { CountEventsRequest, EventCount } from '../core/stream-list.js';
import { streamInfo } from './lists.js';
import { pages } from './pages.js';
import { type Entry, EPOCH, type Tables } from './tables.js';

/** Reads a log in memory: what the Postgres store does, without I/O. */
export class MemoryLog implements Log {
  readonly #runtime: Runtime;
  readonly #tables: Tables;
  readonly #listeners = new Set<() => void>();

  constructor(tables: Tables, runtime: Runtime) {
    this.#tables = tables;
    this.#runtime = runtime;
  }

  head(signal?: AbortSignal): Promise<LogHead> {
    signal?.throwIfAborted();
    return Promise.resolve({ position: this.#tables.head, epoch: EPOCH });
  }

  epochs(): Promise<readonly Epoch[]> {
    return Promise.resolve([{ epoch: EPOCH, startedAfterPosition: 0n }]);
  }

  positionBefore(time: Microseconds): Promise<bigint> {
    return Promise.resolve(this.#tables.positionBefore(time));
  }

  async *scan(
    selection: Selection,
    after: bigint,
    signal?: AbortSignal,
  ): AsyncGenerator<LoadPage, void, undefined> {
    const { position: head } = await this.head(signal);
    this.#expire();
    const matches = matcher(selection.scope, selection.filters);
    const to = head > after ? head : after;
    const range = { after, to, direction: 'FORWARDS', limit: undefined, epoch: EPOCH } as const;
    yield* pages(this.#candidates(selection.scope), range, matches, signal);
  }

  async *load(request: LoadRequest, signal?: AbortSignal): AsyncGenerator<LoadPage, void, undefined> {
    const { filters, direction, limit } = withLoadDefaults(request);
    const { position: head } = await this.head(signal);
    const { candidates, shows } = this.#shown(request);
    const bounds = positionBounds(filters);
    const to = bounds.last !== undefined && bounds.last < head ? bounds.last : head;
    const after = bounds.first - 1n < to ? bounds.first - 1n : to;
    yield* pages(candidates, { after, to, direction, limit, epoch: EPOCH }, shows, signal);
  }

  /** How many events a load would give. */
  count(request: CountEventsRequest): EventCount {
    const { candidates, shows } = this.#shown(request);
    const count = candidates.reduce((sum, entry) => (!entry.gone && shows(entry.event) ? sum + 1 : sum), 0);
    return { count: BigInt(count), position: this.#tables.head, epoch: EPOCH };
  }

  onAdvance(listener: () => void): () => void {
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  /** Says that something was written. */
  advanced(): void {
    for (const listener of this.#listeners) listener();
  }

  /** What a load has to look at, and which of it to give. Of streams that is decided once, as they are now. */
  #shown(request: CountEventsRequest): {
    candidates: readonly Entry[];
    shows: (event: Event) => boolean;
  } {
    const { scope, filters, includeDeleted } = withLoadDefaults(request);
    this.#expire();
    const candidates = this.#candidates(scope);
    const matches = matcher(scope, filters);
    if (scope.kind === 'STREAM') {
      const first = this.#firstShown(scope.stream, includeDeleted);
      return { candidates, shows: (event) => event.version >= first && matches(event) };
    }
    if (scope.kind !== 'STREAMS') return { candidates, shows: matches };
    const firsts = new Map(
      scope.streams
        .filter((stream) => includeDeleted || this.#tables.stream(stream)?.deletedAt === undefined)
        .filter((stream) => this.#tables.stream(stream) !== undefined)
        .map((stream) => [streamKey(stream), this.#firstShown(stream, includeDeleted)]),
    );
    const shows = (event: Event) => {
      const first = firsts.get(streamKey(event.stream));
      return first !== undefined && event.version >= first && matches(event);
    };
    return { candidates, shows };
  }

  /** The lowest version of a stream that is shown. Throws if there is none, or it is deleted. */
  #firstShown(stream: StreamId, includeDeleted: boolean): bigint {
    const state = this.#tables.stream(stream);
    if (state === undefined) throw new StreamNotFoundError({ ...stream });
    if (includeDeleted) return state.truncatedBefore;
    if (state.deletedAt !== undefined) throw new StreamDeletedError({ ...stream });
    return streamInfo(state).firstVersion;
  }

  #candidates(scope: Scope): readonly Entry[] {
    return scope.kind === 'STREAM' ? (this.#tables.stream(scope.stream)?.entries ?? []) : this.#tables.log;
  }

  #expire(): void {
    this.#tables.expireAged(this.#runtime.now());
  }
}
