import type { StreamId } from '../core/stream.js';
import type { Runtime } from '../core/runtime.js';
import type { Database } from './database.js';
import { quotedSchema } from './schema.js';

/** How the sweep goes about it. */
export interface SweepOptions {
  readonly database: Database;
  readonly schema: string;
  readonly runtime: Runtime;
  /**
   * Milliseconds between the end of one pass over all streams and the next.
   * @default 60000
   */
  readonly intervalMilliseconds?: number;
  /**
   * Versions that one statement may empty; appends to the same stream may wait for it.
   * @default 500
   */
  readonly statementVersions?: number;
  /**
   * The part of the time in which it may work, so that it never takes more of the database.
   * @default 0.25
   */
  readonly share?: number;
  /**
   * Statements that a stream gets until the others have had their turn.
   * @default 10
   */
  readonly sliceStatements?: number;
  /** Told of a failure; the pass is tried again after the interval. */
  readonly onFailure?: (error: unknown) => void;
}

/** So many streams are asked for at a time. */
const STREAMS = 500;

/**
 * Empties, in the background and little by little, what streams no longer keep: truncated, expired, and what is left of
 * an erasure that was interrupted. Several instances may sweep at once; they find each other's work done.
 */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #stop = new AbortController();
  #woken: AbortController | undefined;
  #wake = false;
  #done: Promise<void> = Promise.resolve();

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('The sweep is stopped'));
    this.#woken?.abort();
    await this.#done;
  }

  /** Something was truncated: do not wait for the next pass, and where one is under way, see what is new after this round. */
  wake(): void {
    this.#wake = true;
    this.#woken?.abort();
  }

  async #run(): Promise<void> {
    const { runtime, intervalMilliseconds = 60_000, onFailure } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        await this.#pass();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        onFailure?.(error);
      }
      if (this.#wake) continue;
      const woken = new AbortController();
      this.#woken = woken;
      try {
        if (!this.#stop.signal.aborted) await runtime.sleep(intervalMilliseconds, woken.signal);
      } catch (error) {
        if (!woken.signal.aborted) throw error;
      } finally {
        this.#woken = undefined;
      }
    }
  }

  /**
   * In rounds, each of which gives every stream a slice, so that a long one keeps nobody else waiting. The first, and each
   * after a wake, looks at all streams; the others only at those that were not done.
   */
  async #pass(): Promise<void> {
    let unfinished: readonly StreamId[] = [];
    let all = true;
    do {
      if (all) this.#wake = false;
      unfinished = all ? await this.#lookAtAll() : await this.#lookAt(unfinished);
      all = this.#wake;
    } while (!this.#stop.signal.aborted && (all || unfinished.length > 0));
  }

  async #lookAtAll(): Promise<readonly StreamId[]> {
    const unfinished: StreamId[] = [];
    let behind: StreamId = { aggregateType: '', aggregateId: '' };
    for (;;) {
      const streams = await streamsToSweep(this.#options, behind);
      unfinished.push(...(await this.#lookAt(streams)));
      const last = streams.at(-1);
      if (last === undefined || streams.length < STREAMS || this.#stop.signal.aborted) return unfinished;
      behind = last;
    }
  }

  /** Gives each a slice; which have more to do. */
  async #lookAt(streams: readonly StreamId[]): Promise<readonly StreamId[]> {
    const unfinished: StreamId[] = [];
    for (const stream of streams) {
      if (this.#stop.signal.aborted) break;
      if (await this.#slice(stream)) unfinished.push(stream);
    }
    return unfinished;
  }

  /** Whether there is more to do. */
  async #slice(stream: StreamId): Promise<boolean> {
    const { runtime, share = 0.25, sliceStatements = 10 } = this.#options;
    for (let statements = 0; statements < sliceStatements; statements++) {
      const began = runtime.monotonic();
      const { emptied, more } = await sweepStream(this.#options, stream);
      if (this.#stop.signal.aborted) return more;
      // A look that found nothing to do costs as good as nothing.
      if (emptied > 0n)
        await runtime
          .sleep((runtime.monotonic() - began) * (1 / share - 1), this.#stop.signal)
          .catch(() => undefined);
      if (!more) return false;
    }
    return true;
  }
}

/**
 * Empties all events that an erasure of the stream, which is committed, has marked. What it does not come to, the sweep
 * does.
 */
export async function finishErasure(
  options: SweepOptions,
  stream: StreamId,
  signal?: AbortSignal,
): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const { more } = await sweepStream(options, stream);
    if (!more) return;
  }
}

async function streamsToSweep(
  { database, schema }: SweepOptions,
  behind: StreamId,
): Promise<readonly StreamId[]> {
  const rows = await database.query(
    'read',
    `SELECT aggregate_type, aggregate_id FROM ${quotedSchema(schema)}.streams_to_sweep($1, $2, $3)`,
    [behind.aggregateType, behind.aggregateId, STREAMS],
  );
  return rows.map(([aggregateType, aggregateId]) => ({
    aggregateType: aggregateType ?? '',
    aggregateId: aggregateId ?? '',
  }));
}

async function sweepStream(
  { database, schema, statementVersions = 500 }: SweepOptions,
  stream: StreamId,
): Promise<{ readonly emptied: bigint; readonly more: boolean }> {
  const [row] = await database.query(
    'append',
    `SELECT emptied, more FROM ${quotedSchema(schema)}.sweep_stream($1, $2, $3)`,
    [stream.aggregateType, stream.aggregateId, statementVersions],
  );
  return { emptied: BigInt(row?.[0] ?? 0), more: row?.[1] === 't' };
}
