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

/** Keeps the states of the aggregates that were used last. Nobody changes a state that is kept. */
export class AggregateCache {
  readonly #limit: Required<AggregateCacheOptions>;
  // In the order of use: a Map keeps the order in which its keys were set.
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor({ aggregates = 10_000, bytes = 64 * 1024 * 1024 }: AggregateCacheOptions = {}) {
    this.#limit = { aggregates, bytes };
  }

  get size(): number {
    return this.#entries.size;
  }

  get(stream: StreamId): ReadAggregate | undefined {
    const key = streamKey(stream);
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.read;
  }

  /**
   * Keeps the state, unless a newer one is kept; those that were used longest ago make room.
   *
   * @param state what is measured
   */
  set(read: ReadAggregate, state: () => unknown): void {
    const key = streamKey(read.stream);
    const former = this.#entries.get(key);
    if (former !== undefined && former.read.version > read.version) return;
    const entry = measured(read, former, state);
    this.delete(read.stream);
    this.#entries.set(key, entry);
    this.#bytes += entry.bytes;
    for (const oldest of this.#entries.values()) {
      if (this.#entries.size <= this.#limit.aggregates && this.#bytes <= this.#limit.bytes) break;
      this.delete(oldest.read.stream);
    }
  }

  delete(stream: StreamId): void {
    const key = streamKey(stream);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
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
