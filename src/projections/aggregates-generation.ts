import type { Event, Microseconds } from '../core/event.js';
import { StreamNotFoundError } from '../core/errors.js';
import type { LoadPage } from '../core/load.js';
import type { PayloadCodec } from '../core/payload-codec.js';
import type { ProjectionLease } from '../core/projections.js';
import type { EventSelection } from '../core/selection.js';
import { streamKey } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import { AdvanceAggregate, type FoldTable } from './advance-aggregate.js';
import type { AggregateProjectorParts } from './aggregate-projector.js';
import { AggregateStates, type Standing } from './aggregate-states.js';
import { narrowed } from './narrowed.js';
import { NotificationQueue } from './notification-queue.js';
import type { Batch, GenerationWork, OnHandlerFailure } from './projection-work.js';

/** An aggregate projector whose types were checked where it was defined. */
export interface AnyAggregateProjector<State> {
  readonly name: string;
  readonly selection: EventSelection;
  readonly initialState: () => State;
  readonly codec: PayloadCodec<State>;
  readonly folds: FoldTable<State>;
  readonly onFailure: OnHandlerFailure;
  readonly workers: number;
  readonly cachedAggregates: number;
}

/** How long one tick goes on with what had failed, so that the others do not wait for it. */
const TICK_MS = 500;
/** What another runner left behind has times that are not known here, so the service is asked now and then … */
const ASK_EVERY_MICROSECONDS = 5_000_000n;
/** … and more often about what failed here, until a while after the last one's time: its clock may be another. */
const ASK_SOON_MICROSECONDS = 1_000_000n;
const CLOCKS_DIFFER_MICROSECONDS = 10_000_000n;

interface Task<State> {
  readonly from: Standing<State>;
  readonly run: (from: Standing<State>) => Promise<Standing<State>>;
  readonly done: (to: Standing<State>) => void;
  readonly failed: (error: unknown) => void;
}

/**
 * The events of a batch by their aggregates, some of these side by side. What an aggregate fails at is kept with it, and it
 * stands still; its later events pass by and are read from its stream when it is tried again, up to where the projection
 * stands, so that nobody sees it ahead of the others.
 */
export class AggregatesGeneration<State> implements GenerationWork {
  position: LogPosition | undefined;
  readonly #projector: AnyAggregateProjector<State>;
  readonly #parts: AggregateProjectorParts;
  readonly #states: AggregateStates<State>;
  readonly #lease: ProjectionLease;
  readonly #advance: AdvanceAggregate<State>;
  readonly #queue: NotificationQueue<Task<State>>;
  /** What is in memory may be other than what was saved: the answer was lost, or nothing was saved. */
  #inDoubt = false;
  /** When to ask for what is to be tried again. */
  #askAt: Microseconds = 0n;
  /** The last time at which something that failed here is tried again. */
  #lastRetryAt: Microseconds;

  private constructor(
    projector: AnyAggregateProjector<State>,
    parts: AggregateProjectorParts,
    lease: ProjectionLease,
  ) {
    const { workers } = projector;
    this.#projector = projector;
    this.#parts = parts;
    this.#lease = lease;
    // What the runner before left behind may be due in a moment.
    this.#lastRetryAt = parts.runtime.now();
    this.#states = new AggregateStates({ ...projector, projections: parts.projections, lease });
    this.#advance = new AdvanceAggregate({
      ...projector,
      now: () => parts.runtime.now(),
      fresh: (bytes) => this.#states.fresh(bytes),
    });
    this.#queue = new NotificationQueue({
      runtime: parts.runtime,
      workers,
      attempts: 1,
      keyOf: ({ from }) => streamKey(from.stream),
      handle: async ({ from, run, done }) => done(await run(from)),
      onGivenUp: ({ failed }, error) => failed(error),
    });
  }

  static async open<State>(
    projector: AnyAggregateProjector<State>,
    parts: AggregateProjectorParts,
    lease: ProjectionLease,
    signal: AbortSignal,
  ): Promise<AggregatesGeneration<State>> {
    const opened = new AggregatesGeneration(projector, parts, lease);
    await opened.#lookAgain(signal);
    return opened;
  }

  async handle({ events, upTo }: Batch, signal: AbortSignal): Promise<void> {
    if (this.#inDoubt) await this.#lookAgain(signal);
    if (this.position !== undefined && this.position.position >= upTo.position) return;
    const byStream = new Map<string, Event[]>();
    for (const event of events) {
      const key = streamKey(event.stream);
      const those = byStream.get(key);
      if (those === undefined) byStream.set(key, [event]);
      else those.push(event);
    }
    const streams = [...byStream.values()].flatMap(([first]) => (first === undefined ? [] : [first.stream]));
    const standings = await this.#states.load(streams, signal);
    const changed = await this.#each(
      [...standings].filter(([, { failure }]) => failure === undefined),
      ([key, from]) => [from, (one) => this.#advance.through(one, byStream.get(key) ?? [], signal)],
      signal,
    );
    await this.#save(changed, upTo, signal);
  }

  async tick(signal: AbortSignal): Promise<void> {
    if (this.#inDoubt) await this.#lookAgain(signal);
    if (this.position === undefined || this.#parts.runtime.now() < this.#askAt) return;
    await this.#retry(this.position, signal);
  }

  async aggregatesChanged(signal: AbortSignal): Promise<void> {
    this.#askAt = 0n;
    await this.tick(signal);
  }

  async reset({ resetNumber }: { readonly resetNumber: bigint }, signal: AbortSignal): Promise<void> {
    const save = { position: { position: 0n }, resetDone: resetNumber };
    await this.#parts.projections.save(this.#lease, save, { signal });
    this.#states.clear();
    this.#inDoubt = false;
    this.position = undefined;
  }

  async delete(): Promise<void> {
    // All that it has is in the service, which deletes it.
  }

  async close(): Promise<void> {
    await this.#queue.stop();
  }

  async #retry(position: LogPosition, signal: AbortSignal): Promise<void> {
    const { runtime } = this.#parts;
    const until = runtime.monotonic() + TICK_MS;
    const now = runtime.now();
    const soon = now < this.#lastRetryAt + CLOCKS_DIFFER_MICROSECONDS;
    this.#askAt = now + (soon ? ASK_SOON_MICROSECONDS : ASK_EVERY_MICROSECONDS);
    for (;;) {
      const due = await this.#states.due(signal);
      if (due.length === 0) return;
      // Those that are not their turn any more are asked for again.
      const some = due.slice(0, this.#projector.workers);
      const changed = await this.#each(
        some,
        (from) => [from, (one) => this.#catchUp(one, position, signal)],
        signal,
      );
      await this.#save(changed, position, signal);
      if (runtime.monotonic() < until) continue;
      this.#askAt = 0n;
      return;
    }
  }

  /** A page of what passed by while it stood still. */
  async #catchUp(from: Standing<State>, upTo: LogPosition, signal: AbortSignal): Promise<Standing<State>> {
    const page = await this.#missed(from, upTo, signal);
    const to = await this.#advance.through(from, page?.events ?? [], signal);
    if (to.failure !== undefined && to.failure !== from.failure) return to;
    if (page === undefined || page.scannedTo >= upTo.position || page.events.length === 0)
      return { ...to, failure: undefined };
    // There is more: it stands still no longer than until the next turn.
    const { failure = this.#advance.heldBack(to.stream, page.scannedTo) } = from;
    return { ...to, failure: { ...failure, retryAt: this.#parts.runtime.now() } };
  }

  async #missed(
    { stream, version }: Standing<State>,
    { position: last }: LogPosition,
    signal: AbortSignal,
  ): Promise<LoadPage | undefined> {
    const request = {
      scope: { kind: 'STREAM', stream },
      filters: narrowed(this.#projector.selection.filters, {
        firstVersion: version + 1n,
        lastPosition: last,
      }),
      includeDeleted: true,
    } as const;
    try {
      for await (const page of this.#parts.eventStore.load(request, { signal }))
        if (page.events.length > 0 || page.scannedTo >= last) return page;
    } catch (error) {
      if (!(error instanceof StreamNotFoundError)) throw error;
    }
    return undefined;
  }

  /** Has all of them run, some side by side; gives those that changed. */
  async #each<One>(
    all: readonly One[],
    taskOf: (one: One) => readonly [Standing<State>, Task<State>['run']],
    signal: AbortSignal,
  ): Promise<readonly Standing<State>[]> {
    // Folds may change the states that are in memory, which then hold only once they are saved.
    this.#inDoubt = true;
    const changed: Standing<State>[] = [];
    const failures: unknown[] = [];
    for (const one of all) {
      const [from, run] = taskOf(one);
      await this.#queue.push({
        from,
        run,
        done: (to) => {
          if (to !== from) changed.push(to);
        },
        failed: (error) => failures.push(error),
      });
    }
    await this.#queue.idle();
    signal.throwIfAborted();
    if (failures.length > 0) throw failures[0];
    return changed;
  }

  async #save(changed: readonly Standing<State>[], upTo: LogPosition, signal: AbortSignal): Promise<void> {
    this.#inDoubt = true;
    const from = this.position ?? { position: 0n };
    await this.#states.save(changed, { from, to: upTo }, signal);
    this.#inDoubt = false;
    this.position = upTo;
    for (const { failure } of changed) {
      const { retryAt } = failure ?? {};
      if (retryAt === undefined) continue;
      if (retryAt < this.#askAt) this.#askAt = retryAt;
      if (retryAt > this.#lastRetryAt) this.#lastRetryAt = retryAt;
    }
  }

  async #lookAgain(signal: AbortSignal): Promise<void> {
    this.#states.clear();
    const position = await this.#states.position(signal);
    this.position = position.position === 0n ? undefined : position;
    this.#inDoubt = false;
  }
}
