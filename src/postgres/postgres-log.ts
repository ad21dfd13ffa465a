import { StreamDeletedError, StreamNotFoundError } from '../core/errors.js';
import type { Microseconds } from '../core/event.js';
import type { Filter, Range, Scope } from '../core/filter.js';
import { type LoadPage, type LoadRequest, withLoadDefaults } from '../core/load.js';
import type { Committed, Epoch, Log, LogHead, Selection } from '../core/log.js';
import { PAGE_EVENTS } from '../core/limits.js';
import { packedPage } from '../core/packed-events.js';
import { positionBounds } from '../core/matcher.js';
import type { CountEventsRequest, EventCount } from '../core/stream-list.js';
import { checkPosition } from '../subscriptions/start.js';
import { epochs } from './epochs.js';
import type { Hints } from './hints.js';
import { logHead } from './log-head.js';
import type { LogLife } from './log-life.js';
import { type LogRest, logRest } from './log-rest.js';
import type { Place, VersionRange } from './place.js';
import { positionBefore } from './position-before.js';
import { countScanned, scan, type ScanParts, type ScanRequest } from './scan.js';
import { streamBeginning, type StreamSought } from './stream-beginning.js';
import { headAndStreamStates, type StreamState } from './stream-states.js';

/** Reading the log in Postgres. Errors are the driver's; the store above turns them into its own. */
export class PostgresLog implements Log {
  readonly #parts: ScanParts;
  readonly #hints: Hints;
  readonly #life: LogLife | undefined;

  /** @param life of the primary; on a replica nothing can be opened */
  constructor(parts: ScanParts, hints: Hints, life?: LogLife) {
    this.#parts = parts;
    this.#hints = hints;
    this.#life = life;
  }

  head(signal?: AbortSignal): Promise<LogHead> {
    return this.inOneLife(() => logHead(this.#parts.database, this.#parts.schema, signal));
  }

  epochs(signal?: AbortSignal): Promise<readonly Epoch[]> {
    return this.inOneLife(() => epochs(this.#parts.database, this.#parts.schema, signal));
  }

  /** What `read` gives; where the server has changed, only after a new epoch was opened. */
  inOneLife<T>(read: () => Promise<T>): Promise<T> {
    return this.#life ? this.#life.read(read) : read();
  }

  positionBefore(time: Microseconds, signal?: AbortSignal): Promise<bigint> {
    return positionBefore(this.#parts.database, this.#parts.schema, time, signal);
  }

  /** What a follower reads: deletion hides nothing from it. */
  async *scan(
    { scope, filters }: Selection,
    after: bigint,
    signal?: AbortSignal,
  ): AsyncGenerator<LoadPage, void, undefined> {
    if (scope.kind === 'LOG' && filters.length === 0) {
      const rest = await this.inOneLife(() =>
        logRest(this.#parts.database, this.#parts.schema, after, signal),
      );
      if (rest !== undefined) {
        yield* this.#scanRest(rest, after, signal);
        return;
      }
    }
    const { head, place } = await this.#begin(scope, everyVersion, signal, after);
    if (after >= head.position) {
      yield { events: [], scannedAfter: after, scannedTo: after, epoch: head.epoch };
      return;
    }
    const range = { after, to: head.position, epoch: head.epoch };
    yield* this.#scan(head, { ...range, place, filters, direction: 'FORWARDS', limit: undefined }, signal);
  }

  async *#scanRest(
    { head, rows }: LogRest,
    after: bigint,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<LoadPage, void, undefined> {
    const { epoch, position: to } = head;
    if (rows.count < PAGE_EVENTS && !rows.cut().cut) {
      yield packedPage(rows, { scannedAfter: after, scannedTo: to, epoch });
      return;
    }
    this.#parts.database.pin?.(head);
    const all = { place: { kind: 'LOG' }, filters: [], direction: 'FORWARDS', limit: undefined } as const;
    yield* this.#scan(head, { ...all, after, to, epoch, begun: rows }, signal);
  }

  async *load(request: LoadRequest, signal?: AbortSignal): AsyncGenerator<LoadPage, void, undefined> {
    const { scope, filters, direction, limit, includeDeleted } = withLoadDefaults(request);
    if (request.minPosition) await checkPosition(this, request.minPosition, signal);
    const versions = onlyVersions(filters);
    if (scope.kind === 'STREAM' && versions !== undefined) {
      yield* this.#loadStream(scope, { versions, direction, limit, includeDeleted }, signal);
      return;
    }
    const { head, place } = await this.#begin(scope, shownVersions(scope, includeDeleted), signal);
    const range = { ...rangeOf(filters, head.position), epoch: head.epoch };
    yield* this.#scan(head, { ...range, place, filters, direction, limit, noShells: true }, signal);
  }

  /** What most loads are: all of one stream, or all from a version on. */
  async *#loadStream(
    scope: Extract<Scope, { kind: 'STREAM' }>,
    sought: Omit<StreamSought, 'stream'>,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<LoadPage, void, undefined> {
    const { database, schema } = this.#parts;
    const { versions, direction, limit, includeDeleted } = sought;
    const { head, state, rows } = await this.inOneLife(() =>
      streamBeginning(database, schema, { ...sought, stream: scope.stream }, signal),
    );
    database.pin?.(head);
    const shown = shownVersions(scope, includeDeleted)(state);
    if (rows.count < PAGE_EVENTS && (limit === undefined || rows.count < limit) && !rows.cut().cut) {
      yield packedPage(rows, { scannedAfter: 0n, scannedTo: head.position, epoch: head.epoch });
      return;
    }
    const first = versions.first !== undefined && versions.first > shown.first ? versions.first : shown.first;
    const last = versions.last !== undefined && versions.last < shown.last ? versions.last : shown.last;
    const place: Place = {
      kind: 'VERSIONS',
      ranges: first <= last ? [{ ...shown, first, last }] : [],
      within: true,
    };
    const range = { after: 0n, to: head.position, epoch: head.epoch };
    yield* this.#scan(
      head,
      { ...range, place, filters: [], direction, limit, noShells: true, begun: rows },
      signal,
    );
  }

  async countEvents(request: CountEventsRequest, signal?: AbortSignal): Promise<EventCount> {
    const { scope, filters, includeDeleted } = withLoadDefaults(request);
    const { head, place } = await this.#begin(scope, shownVersions(scope, includeDeleted), signal);
    const range = { ...rangeOf(filters, head.position), epoch: head.epoch };
    return { ...head, count: await countScanned(this.#parts, { ...range, place, filters }, signal) };
  }

  onAdvance(listener: (committed?: Committed) => void): () => void {
    return this.#hints.onAdvance(listener);
  }

  /** A page that was read from another server than the head is given only if that one still has the head. */
  async *#scan(
    head: LogHead,
    request: ScanRequest,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<LoadPage, void, undefined> {
    const { database } = this.#parts;
    let { life } = database;
    for await (const page of scan(this.#parts, request, signal)) {
      if (database.life !== life) {
        life = database.life;
        await checkPosition(this, head, signal);
      }
      yield page;
    }
  }

  /**
   * The head and, in the same snapshot, what of the scope's streams is to be read: all of it up to the head, so where
   * nothing was read before, its positions need no other bound.
   */
  async #begin(
    scope: Scope,
    versionsOf: (state: StreamState) => VersionRange,
    signal: AbortSignal | undefined,
    after = 0n,
  ): Promise<{ head: LogHead; place: Place }> {
    const { database, schema } = this.#parts;
    if (scope.kind === 'LOG' || scope.kind === 'AGGREGATE_TYPES') {
      const head = await this.head(signal);
      database.pin?.(head);
      return { head, place: scope };
    }
    const streams = scope.kind === 'STREAM' ? [scope.stream] : scope.streams;
    const { head, states } = await this.inOneLife(() =>
      headAndStreamStates(database, schema, streams, signal),
    );
    database.pin?.(head);
    const ranges = states.map(versionsOf).filter(({ first, last }) => first <= last);
    return { head, place: { kind: 'VERSIONS', ranges, within: after === 0n } };
  }
}

/** The versions that the filters ask for, if they ask for nothing else. */
function onlyVersions(filters: readonly Filter[]): Range<bigint> | undefined {
  const [filter = {}] = filters;
  const { versions = {}, ...others } = filter;
  const isOnly = filters.length <= 1 && Object.values(others).every((value) => value === undefined);
  return isOnly ? versions : undefined;
}

function everyVersion({ stream, version }: StreamState): VersionRange {
  return { stream, first: 1n, last: version };
}

/** What a read of the stream shows. Read alone, one that never was or is deleted is refused; beside others it is empty. */
function shownVersions(scope: Scope, includeDeleted: boolean): (state: StreamState) => VersionRange {
  return ({ stream, version, deleted, hiddenBefore, firstKept }) => {
    const refused = deleted && !includeDeleted;
    if (scope.kind === 'STREAM' && version === 0n) throw new StreamNotFoundError(stream);
    if (scope.kind === 'STREAM' && refused) throw new StreamDeletedError(stream);
    const first = includeDeleted || firstKept > hiddenBefore ? firstKept : hiddenBefore;
    return { stream, first, last: refused ? 0n : version };
  };
}

/** The positions up to the head that some filter may match. */
function rangeOf(filters: readonly Filter[], head: bigint): { after: bigint; to: bigint } {
  const bounds = positionBounds(filters);
  const to = bounds.last !== undefined && bounds.last < head ? bounds.last : head;
  return { after: bounds.first - 1n < to ? bounds.first - 1n : to, to };
}
