import { PAGE_BYTES, PAGE_EVENTS } from '../core/limits.js';
import type { BinaryRows } from './gathered-rows.js';
import type { Queries } from './database.js';
import { EventRows } from './event-rows.js';
import { type EventsFound, type EventsQuery, eventsStatement } from './select-events.js';

/** A statement gives so many events at most, as several pages, … */
const STATEMENT_EVENTS = 4 * PAGE_EVENTS;
/** So many statements at most are by the sum before it is tried again without. */
const LONGEST_SUM = 64;

/**
 * Reads the events of one scan, each time by one short statement with bound parameters; of the database nothing is held when
 * that is done. Where events are small a statement gives several pages, of which the first go out while it still runs:
 * to begin one takes as long as a hundred events. Where there are large ones, the more often the longer, their sizes are
 * added up.
 */
export class PageReader {
  readonly #database: Queries;
  readonly #schema: string;
  /** So many statements are still by the sum, … */
  #sums = 0;
  /** … and so many after the next large event. */
  #nextSums = 1;
  /** How many events a statement may give. The first one page, since many want no more. */
  #most = PAGE_EVENTS;
  #begun: EventRows | undefined;

  /** @param begun what the first statement would give, where somebody has read that already */
  constructor(database: Queries, schema: string, begun?: EventRows) {
    this.#database = database;
    this.#schema = schema;
    this.#begun = begun;
  }

  /**
   * The next pages, each of {@link PAGE_EVENTS} and {@link PAGE_BYTES} at most. That of the last has `more` only if events
   * remain in the range.
   */
  async *read(
    query: Omit<EventsQuery, 'measure' | 'limit'> & { readonly limit: bigint | undefined },
    signal?: AbortSignal,
  ): AsyncGenerator<EventsFound, void, undefined> {
    const least = (most: number) =>
      query.limit !== undefined && query.limit < BigInt(most) ? Number(query.limit) : most;
    if (this.#sums === 0) {
      let count = 0;
      let bytes = 0;
      const limit = least(this.#most);
      for await (const { rows, last } of this.#select({ ...query, limit, measure: 'EACH' }, signal)) {
        const { rows: within, cut } = rows.cut();
        count += within.count;
        bytes += rows.byteLength;
        if (cut) {
          this.#sums = this.#nextSums;
          this.#nextSums = Math.min(LONGEST_SUM, this.#nextSums * 2);
        }
        const more = !last || cut || count >= limit;
        if (!more || within.count > 0) yield { rows: within, more };
        if (cut) break;
      }
      if (this.#sums === 0) {
        this.#nextSums = 1;
        this.#most = count === 0 ? PAGE_EVENTS : statementEvents(bytes / count);
        return;
      }
      this.#most = PAGE_EVENTS;
      if (count > 0) return;
    }
    this.#sums -= 1;
    const limit = least(PAGE_EVENTS);
    for await (const { rows } of this.#select({ ...query, limit, measure: 'SUM' }, signal)) {
      const { rows: within, cut } = rows.cut();
      yield { rows: within, more: cut || within.count >= limit };
    }
  }

  /** The rows of one statement, a page at a time while it runs; what is held of them is bounded by a page's bytes. */
  async *#select(
    query: EventsQuery,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<{ readonly rows: EventRows; readonly last: boolean }, void, undefined> {
    const begun = this.#begun;
    if (begun !== undefined) {
      this.#begun = undefined;
      yield { rows: begun, last: true };
      return;
    }
    const { text, values, prepared } = eventsStatement(this.#schema, query);
    if (query.limit <= PAGE_EVENTS) {
      const rows = await this.#database.queryBinary('read', text, values, { signal, prepared });
      yield { rows: new EventRows(rows), last: true };
      return;
    }
    const pieces = new PiecesInTurn();
    const rest = this.#database.queryBinary('read', text, values, { signal, pieces, prepared });
    rest.then(
      () => pieces.end(),
      () => pieces.end(),
    );
    for (;;) {
      const piece = await pieces.next();
      if (piece === undefined) break;
      signal?.throwIfAborted();
      yield { rows: new EventRows(piece), last: false };
    }
    const rows = await rest;
    if (!pieces.overflowed) yield { rows: new EventRows(rows), last: true };
  }
}

/** As many as go into a page's bytes, by what they have had so far. */
function statementEvents(eventBytes: number): number {
  const most = Math.floor((PAGE_BYTES * 3) / 4 / eventBytes);
  return Math.min(STATEMENT_EVENTS, Math.max(PAGE_EVENTS, most));
}

/** Takes what is read while the statement runs, until somebody wants it. What goes beyond a page's bytes is let go. */
class PiecesInTurn {
  readonly rows = PAGE_EVENTS;
  readonly #waiting: BinaryRows[] = [];
  #bytes = 0;
  #ended = false;
  #wake: () => void = () => undefined;
  overflowed = false;

  give(piece: BinaryRows): void {
    this.overflowed ||= this.#bytes + piece.bytes.byteLength > PAGE_BYTES && this.#bytes > 0;
    if (this.overflowed) return;
    this.#bytes += piece.bytes.byteLength;
    this.#waiting.push(piece);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** The next piece; `undefined` if none comes any more. */
  async next(): Promise<BinaryRows | undefined> {
    while (this.#waiting.length === 0 && !this.#ended)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#waiting.shift();
  }
}
