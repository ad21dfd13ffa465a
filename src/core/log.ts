import type { Microseconds } from './event.js';
import type { Filter, Scope } from './filter.js';
import type { LoadPage } from './load.js';
import type { Look } from './look.js';

/** The end of the log. */
export interface LogHead {
  /** The last event's position; 0 if there is none. */
  readonly position: bigint;
  readonly epoch: bigint;
}

/** One unbroken life of a log. */
export interface Epoch {
  readonly epoch: bigint;
  /** Where it began: positions above it, read in an earlier epoch, are of a tail that was lost. */
  readonly startedAfterPosition: bigint;
}

/** What to scan for. */
export interface Selection {
  readonly scope: Scope;
  readonly filters: readonly Filter[];
}

/** A stretch of the log that this process has just written. */
export interface Committed extends Omit<LoadPage, 'events'> {
  /** Its events, as a scan would give them: {@link PAGE_EVENTS} at most. */
  page(): LoadPage;
  /** The same events, of what they were written from: faster to look at than bytes, and more to keep. */
  look(): Look;
}

/**
 * What a subscription needs of a store: to read forwards from anywhere, and to be woken. The stores that keep a log
 * themselves (Postgres, memory) implement it; the remote one does not, for its service follows the log.
 */
export interface Log {
  /** The head, from the database. */
  head(signal?: AbortSignal): Promise<LogHead>;
  /** All epochs, oldest first. */
  epochs(signal?: AbortSignal): Promise<readonly Epoch[]>;
  /** The position of the last event recorded before that time; 0 if there is none. */
  positionBefore(time: Microseconds, signal?: AbortSignal): Promise<bigint>;
  /**
   * Matching events above `after` in position order, up to the head as it is when the first page is asked for. At least
   * one page, of {@link PAGE_EVENTS} events and {@link PAGE_BYTES} bytes at most, ranges meeting without gap. A narrow
   * selection yields empty pages on the way. If `after` is at or above the head: one empty page from `after` to
   * `after`.
   */
  scan(selection: Selection, after: bigint, signal?: AbortSignal): AsyncIterable<LoadPage>;
  /**
   * Calls the listener when the log may have advanced; returns how to stop that. A hint: calls may be missing or too
   * many, so whoever needs to know polls as well. Where this process has committed just then, and knows all of it, it says
   * what; not always in the order of positions, nor without gaps, where others write too.
   */
  onAdvance(listener: (committed?: Committed) => void): () => void;
}
