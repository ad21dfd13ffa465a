import { ChurnedMap } from '../core/churned-map.js';
import { streamKey, type StreamId } from '../core/stream.js';
import type { ReadAggregate } from './aggregate-reader.js';
import { stateBytes } from './state-bytes.js';

export interface AggregateCacheOptions {
  /**
   * Aggregates that are kept; 0 keeps none.
   * @default 10000
   */
  readonly aggregates?: number;
  /**
   * Bytes that their states take, about.
   * @default 64 MiB
   */
  readonly bytes?: number;
}

interface Entry {
  readonly read: ReadAggregate;
  /** What the state takes, about: what it was measured to be, and what was folded since. */
  readonly bytes: number;
  /** What it was when it was measured … */
  readonly measured: number;
  /** … and of how many bytes of events it was made then. */
  readonly foldedThen: number;
}

/** States smaller than that are not worth being measured. */
const SMALL_BYTES = 4096;

/** An entry in its place in the order of use. */
interface Kept {
  readonly key: string;
  entry: Entry;
  older: Kept | undefined;
  newer: Kept | undefined;
}

/** Keeps the states of the aggregates that were used last. Nobody changes a state that is kept. */
export class AggregateCache {
  readonly #limit: Required<AggregateCacheOptions>;
  readonly #kept = new ChurnedMap<string, Kept>();
  // A list, and not the order in which a Map was filled: with each use an entry would be deleted from that and set again.
  #oldest: Kept | undefined;
  #newest: Kept | undefined;
  #bytes = 0;

  constructor({ aggregates = 10_000, bytes = 64 * 1024 * 1024 }: AggregateCacheOptions = {}) {
    this.#limit = { aggregates, bytes };
  }

  get size(): number {
    return this.#kept.size;
  }

  get(stream: StreamId): ReadAggregate | undefined {
    const kept = this.#kept.get(streamKey(stream));
    if (kept === undefined) return undefined;
    this.#leave(kept);
    this.#enter(kept);
    return kept.entry.read;
  }

  /**
   * Keeps the state, unless a newer one is kept; those that were used longest ago make room.
   *
   * @param state what is measured
   */
  set(read: ReadAggregate, state: () => unknown): void {
    const key = streamKey(read.stream);
    const former = this.#kept.get(key);
    if (former !== undefined && former.entry.read.version > read.version) return;
    const entry = measured(read, former?.entry, state);
    this.#bytes += entry.bytes - (former?.entry.bytes ?? 0);
    if (former === undefined) {
      const kept: Kept = { key, entry, older: undefined, newer: undefined };
      this.#kept.set(key, kept);
      this.#enter(kept);
    } else {
      former.entry = entry;
      this.#leave(former);
      this.#enter(former);
    }
    while (this.#kept.size > this.#limit.aggregates || this.#bytes > this.#limit.bytes) {
      if (this.#oldest === undefined) break;
      this.#remove(this.#oldest);
    }
  }

  delete(stream: StreamId): void {
    const kept = this.#kept.get(streamKey(stream));
    if (kept !== undefined) this.#remove(kept);
  }

  #remove(kept: Kept): void {
    this.#kept.delete(kept.key);
    this.#leave(kept);
    this.#bytes -= kept.entry.bytes;
  }

  /** As the one that was used last. */
  #enter(kept: Kept): void {
    kept.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = kept;
    else this.#newest.newer = kept;
    this.#newest = kept;
  }

  #leave(kept: Kept): void {
    const { newer, older } = kept;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    kept.older = undefined;
    kept.newer = undefined;
  }
}

/**
 * A state may be much smaller than its events, if it only counts them, so it is measured; but only when it may have doubled,
 * so that to measure costs no more than to fold.
 */
function measured(read: ReadAggregate, former: Entry | undefined, state: () => unknown): Entry {
  const known = former !== undefined && former.foldedThen <= read.bytes ? former : undefined;
  const [base, then] = known ? [known.measured, known.foldedThen] : [0, 0];
  const bytes = base + read.bytes - then;
  if (bytes <= Math.max(SMALL_BYTES, 2 * base)) return { read, bytes, measured: base, foldedThen: then };
  const now = stateBytes(state());
  return { read, bytes: now, measured: now, foldedThen: read.bytes };
}
