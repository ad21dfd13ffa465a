import { positionBounds } from '../core/matcher.js';
import { StreamNotFoundError } from '../core/errors.js';
import type { Microseconds } from '../core/event.js';
import { type LoadPage, type LoadRequest, withLoadDefaults } from '../core/load.js';
import type { Epoch, Log, LogHead, Selection } from '../core/log.js';
import { epochs } from './epochs.js';
import type { Hints } from './hints.js';
import { logHead, logHeadAndStream } from './log-head.js';
import { positionBefore } from './position-before.js';
import { scan, type ScanParts } from './scan.js';

/** Reading the log in Postgres. Errors are the driver's; the store above turns them into its own. */
export class PostgresLog implements Log {
  readonly #parts: ScanParts;
  readonly #hints: Hints;

  constructor(parts: ScanParts, hints: Hints) {
    this.#parts = parts;
    this.#hints = hints;
  }

  head(signal?: AbortSignal): Promise<LogHead> {
    return logHead(this.#parts.database, this.#parts.schema, signal);
  }

  epochs(signal?: AbortSignal): Promise<readonly Epoch[]> {
    return epochs(this.#parts.database, this.#parts.schema, signal);
  }

  positionBefore(time: Microseconds, signal?: AbortSignal): Promise<bigint> {
    return positionBefore(this.#parts.database, this.#parts.schema, time, signal);
  }

  async *scan(
    selection: Selection,
    after: bigint,
    signal?: AbortSignal,
  ): AsyncGenerator<LoadPage, void, undefined> {
    const head = await this.head(signal);
    if (after >= head.position) {
      yield { events: [], scannedAfter: after, scannedTo: after, epoch: head.epoch };
      return;
    }
    yield* scan(
      this.#parts,
      { ...selection, direction: 'FORWARDS', after, to: head.position, limit: undefined, epoch: head.epoch },
      signal,
    );
  }

  async *load(request: LoadRequest, signal?: AbortSignal): AsyncGenerator<LoadPage, void, undefined> {
    const { scope, filters, direction, limit } = withLoadDefaults(request);
    const { database, schema } = this.#parts;
    let head: LogHead;
    if (scope.kind === 'STREAM') {
      const found = await logHeadAndStream(database, schema, scope.stream, signal);
      if (!found.streamExists) throw new StreamNotFoundError(scope.stream);
      head = found;
    } else {
      head = await this.head(signal);
    }
    const bounds = positionBounds(filters);
    const to = bounds.last !== undefined && bounds.last < head.position ? bounds.last : head.position;
    const after = bounds.first - 1n < to ? bounds.first - 1n : to;
    yield* scan(this.#parts, { scope, filters, direction, after, to, limit, epoch: head.epoch }, signal);
  }

  onAdvance(listener: () => void): () => void {
    return this.#hints.onAdvance(listener);
  }
}
