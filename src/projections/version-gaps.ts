import { OverloadedError } from '../core/errors.js';
import type { CallOptions } from '../core/call-options.js';
import type { Event } from '../core/event.js';
import type { EventLog } from '../core/event-store.js';
import { eventsOf } from '../core/load.js';
import { streamKey, type StreamId } from '../core/stream.js';

export interface VersionGapsOptions {
  /** Where what is missing is loaded from. */
  readonly store: Pick<EventLog, 'load'>;
  /** Called with each event of an aggregate once and in the order of versions, as far as is known; may be called again if it throws. */
  readonly handle: (event: Event, signal: AbortSignal) => Promise<void>;
  /**
   * The version of an aggregate up to which the handler has recorded that it is done, for an aggregate that is not known
   * here; 0 for none. Where it is kept together with what the handler writes, events are handled exactly once.
   * @default the aggregate is loaded from its first event
   */
  readonly lastVersion?: (stream: StreamId, signal: AbortSignal) => Promise<bigint>;
  /** Aggregates whose version is remembered; those that were used longest ago are forgotten. @default 10_000 */
  readonly aggregates?: number;
  /** Events that may be under way; more are refused. @default 10_000 */
  readonly capacity?: number;
}

/** What became of an event: handled, maybe with some in front of it that were missing; or it had been handled already. */
export type Received = { readonly kind: 'HANDLED'; readonly filled: number } | { readonly kind: 'DUPLICATE' };

/**
 * Puts in order what comes from a broker: per aggregate drops what was handled already, and loads from the store what is
 * missing, before it goes on. Events of one aggregate are handled one after the other, those of different ones side by side.
 *
 * What the stream no longer shows (truncated, expired) is passed over; what was deleted is loaded all the same. A feed that
 * carries only some types of events has gaps everywhere, so all of each aggregate would be loaded: take a subscription.
 */
export class VersionGaps {
  readonly #options: Required<Omit<VersionGapsOptions, 'lastVersion'>> &
    Pick<VersionGapsOptions, 'lastVersion'>;
  /** In the order of use. */
  readonly #versions = new Map<string, bigint>();
  /** What is done last for each aggregate that has something to be done. */
  readonly #last = new Map<string, Promise<unknown>>();
  #underWay = 0;

  constructor(options: VersionGapsOptions) {
    this.#options = { aggregates: 10_000, capacity: 10_000, ...options };
  }

  /** Aggregates whose version is remembered. */
  get size(): number {
    return this.#versions.size;
  }

  /**
   * Resolves when the event, and all in front of it, are handled: then acknowledge it. Fails as `handle`, `lastVersion` and
   * `load` do, then have it delivered again; with `OverloadedError` if too many are under way.
   */
  async receive(event: Event, options: Pick<CallOptions, 'signal'> = {}): Promise<Received> {
    const { capacity } = this.#options;
    const signal = options.signal ?? new AbortController().signal;
    signal.throwIfAborted();
    if (this.#underWay >= capacity)
      throw new OverloadedError(`${capacity} events are under way already`, { limit: 'events under way' });
    const key = streamKey(event.stream);
    const former = this.#last.get(key) ?? Promise.resolve();
    const turn = former.then(() => this.#inTurn(key, event, signal));
    const settled = turn.catch(() => undefined);
    this.#last.set(key, settled);
    this.#underWay += 1;
    try {
      return await turn;
    } finally {
      this.#underWay -= 1;
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }

  async #inTurn(key: string, event: Event, signal: AbortSignal): Promise<Received> {
    signal.throwIfAborted();
    const { lastVersion } = this.#options;
    const last = this.#versions.get(key) ?? (await lastVersion?.(event.stream, signal)) ?? 0n;
    this.#remember(key, last);
    if (event.version <= last) return { kind: 'DUPLICATE' };
    let filled = 0;
    if (event.version > last + 1n)
      for await (const missing of this.#missing(event, last, signal)) {
        await this.#handle(key, missing, signal);
        filled += 1;
      }
    await this.#handle(key, event, signal);
    return { kind: 'HANDLED', filled };
  }

  async #handle(key: string, event: Event, signal: AbortSignal): Promise<void> {
    await this.#options.handle(event, signal);
    this.#remember(key, event.version);
  }

  #missing({ stream, version }: Event, last: bigint, signal: AbortSignal): AsyncIterable<Event> {
    const filters = [{ versions: { first: last + 1n, last: version - 1n } }];
    // Nothing but a page at a time is held.
    return eventsOf(
      this.#options.store.load(
        { scope: { kind: 'STREAM', stream }, filters, includeDeleted: true },
        { signal },
      ),
    );
  }

  #remember(key: string, version: bigint): void {
    this.#versions.delete(key);
    this.#versions.set(key, version);
    if (this.#versions.size <= this.#options.aggregates) return;
    // What is under way goes by its version still.
    for (const oldest of this.#versions.keys())
      if (oldest !== key && !this.#last.has(oldest)) {
        this.#versions.delete(oldest);
        return;
      }
  }
}
