import { LogEpochChangedError } from '../core/errors.js';
import type { EventLog } from '../core/event-store.js';
import { LeaseLostError, ProjectionConflictError } from '../core/follower-errors.js';
import type { Logger } from '../core/logger.js';
import type {
  ProjectionFailure,
  ProjectionLease,
  ProjectionLeases,
  ProjectionOrders,
  ProjectionReport,
} from '../core/projections.js';
import type { Runtime } from '../core/runtime.js';
import type { LogPosition } from '../core/subscribe.js';
import type { GenerationWork, OnHandlerFailure, ProjectionWork } from './projection-work.js';
import { textOf } from './runner-backoff.js';
import { Failing } from './runner-failing.js';
import { Feed } from './runner-feed.js';
import { type FailedEvent, Handling } from './runner-handling.js';
import { Hold } from './runner-hold.js';
import { HeldLease } from './runner-lease.js';
import { MetricsCounter, type ProjectionMetrics } from './runner-metrics.js';
import { reportOf } from './runner-report.js';
import { type GenerationEvent, type GenerationState, nextState } from './runner-states.js';
import { swapIn } from './runner-swap.js';
import { Wake } from './runner-wake.js';

/** Until somebody wakes it. */
const LONG_MS = 60_000;
const TICK_MS = 1_000;
/** A swap that could not be, because the live one was ahead, is tried again after so many milliseconds. */
const SWAP_MS = 20;

export type GenerationEnd = 'STOPPED' | 'LEFT' | 'DELETED' | 'REPLACED' | 'LOST';

export interface GenerationParts {
  readonly eventStore: EventLog;
  readonly leases: ProjectionLeases;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly work: ProjectionWork;
  readonly lease: ProjectionLease;
  readonly leaseMs: number;
  readonly askedAt: number;
  readonly onFailure: OnHandlerFailure;
  readonly batchEvents: number;
  /** The live generation, if the same runner has it. */
  readonly live: () => GenerationRunner | undefined;
  /** Leases of other generations may be had. */
  readonly onAcquire: () => void;
  readonly onPromoted: () => void;
  /** Its position or its state is another. */
  readonly onChanged: () => void;
}

/** Works on one generation as long as its lease lasts. */
export class GenerationRunner {
  readonly lease: ProjectionLease;
  live: boolean;
  position: LogPosition | undefined;
  state: GenerationState = 'OPENING';
  orders: ProjectionOrders | undefined;
  /** Of a generation that waits to be swapped in. */
  comparison: string | undefined;
  readonly parts: GenerationParts;
  readonly #held: HeldLease;
  readonly #wake: Wake;
  readonly #handling: Handling;
  readonly #failing: Failing;
  readonly #metrics = new MetricsCounter();
  #opened: GenerationWork | undefined;
  #feed: Feed | undefined;
  #hold: Hold | undefined;
  #end: GenerationEnd | undefined;
  #resumed: bigint | undefined;
  #resetDone = 0n;
  #aggregatesChanged = false;
  #tickAt = 0;
  #swapNotBefore = 0;

  constructor(parts: GenerationParts) {
    this.parts = parts;
    this.lease = parts.lease;
    this.live = parts.lease.live;
    this.#wake = new Wake(parts.runtime);
    this.#handling = new Handling(parts.onFailure);
    this.#failing = new Failing(parts.runtime);
    this.#held = new HeldLease({
      ...parts,
      report: () => this.#report(),
      onOrders: (orders) => this.#ordered(orders),
    });
  }

  get failure(): ProjectionFailure | undefined {
    return this.#failing.failure;
  }

  get signal(): AbortSignal {
    return this.#held.signal;
  }

  get metrics(): ProjectionMetrics {
    return this.#metrics.with((this.#feed?.seen ?? 0n) - (this.position?.position ?? 0n));
  }

  /** Whether it may go on as it does: nobody wants it to pause or leave. */
  get mayGoOn(): boolean {
    return this.state === 'RUNNING' && this.#end === undefined && this.orders?.wish === 'RUN';
  }

  /** Resolves when the lease is given back, or lost. */
  async run(): Promise<GenerationEnd> {
    const { leases, lease, logger } = this.parts;
    this.#held.start();
    try {
      await this.#loop();
    } catch (error) {
      if (!(error instanceof LeaseLostError)) logger.error('A projection was left', this.#fields(error));
      this.#end = 'LOST';
    }
    const end = this.#end ?? 'LOST';
    this.#move('LEFT');
    this.#hold?.arrive(undefined);
    await this.#closeFeed();
    await this.#held.close();
    await this.#opened?.close().catch((error: unknown) => logger.warn('Closing failed', this.#fields(error)));
    if (end !== 'LOST')
      await leases
        .release(lease, { deleted: end === 'DELETED' }, { timeoutMilliseconds: 5_000 })
        .catch((error: unknown) => logger.warn('A lease was not given back', this.#fields(error)));
    return end;
  }

  /** Leaves at the next border between messages. */
  leave(end: GenerationEnd): void {
    this.#end ??= end;
    this.#wake.wake();
  }

  /** Leaves at once. */
  abandon(): void {
    this.#held.lose(new LeaseLostError(this.lease.name, this.lease.fence));
  }

  /** Has it stand still at that position, or where it is if that is beyond. */
  hold(target: bigint, onArrived: () => void): Hold {
    this.#hold?.arrive(undefined);
    this.#hold = new Hold(target, { onArrived, onReleased: () => this.#wake.wake() });
    if (this.state === 'ENDED') this.#hold.arrive(undefined);
    this.#wake.wake();
    return this.#hold;
  }

  wake(): void {
    this.#wake.wake();
  }

  sleep(milliseconds: number): Promise<void> {
    return this.#wake.sleep(milliseconds, this.signal);
  }

  /** Tells the service what is new. */
  changed(): void {
    this.#held.changed();
    this.parts.onChanged();
  }

  /** Handles what waits, up to a position if one is given; false if nothing waits. */
  async handleSome(work: GenerationWork, last?: bigint): Promise<boolean> {
    const { runtime, batchEvents } = this.parts;
    if (this.#handling.empty) {
      const taken = this.#feed?.take(batchEvents, last);
      if (taken === undefined) return false;
      this.#metrics.queuedMs += taken.queuedMs;
      this.#handling.add(taken.batch);
    }
    const begun = runtime.monotonic();
    const handled = await this.#handling.step(work, this.signal).finally(() => {
      this.#metrics.processingMs += runtime.monotonic() - begun;
    });
    switch (handled.kind) {
      case 'KEPT':
        this.#metrics.batches += 1;
        this.#metrics.handled += handled.batch.events.length;
        this.#movedOn(handled.batch.upTo);
        break;
      case 'IGNORED':
        this.#metrics.failures += 1;
        this.#metrics.ignored += 1;
        this.#movedOn(handled.batch.upTo);
        break;
      case 'RETRY':
        this.#failed(handled.failed, handled.afterMs);
        break;
      case 'FAIL':
        this.#failed(handled.failed);
        await this.#standStill();
        break;
      case 'SPLIT':
    }
    return true;
  }

  async #loop(): Promise<void> {
    for (;;) {
      try {
        const pause = await this.#turn();
        if (pause === undefined) return;
        if (pause > 0) await this.sleep(pause);
        else this.signal.throwIfAborted();
      } catch (error) {
        this.signal.throwIfAborted();
        if (error instanceof LeaseLostError) throw error;
        await this.#storeFailed(error);
      }
    }
  }

  /** One turn; gives for how many milliseconds there is nothing to do, or `undefined` when it is over. */
  async #turn(): Promise<number | undefined> {
    const { orders } = this;
    if (this.#end !== undefined) return undefined;
    if (orders === undefined) return LONG_MS;
    if (orders.wish === 'STOP') {
      this.#end = 'STOPPED';
      return undefined;
    }
    const { wait } = this.#failing;
    if (orders.wish === 'DELETE') {
      if (wait > 0) return wait;
      await this.#opened?.delete({ deleteEmitted: orders.deleteEmitted }, this.signal);
      if (this.#opened === undefined) await this.#openToDelete(orders);
      this.#end = 'DELETED';
      return undefined;
    }
    await this.#beginAgain(orders);
    if (orders.wish === 'PAUSE' && this.state !== 'PAUSED') {
      this.#move('HALTED');
      await this.#standStill();
    } else if (orders.wish === 'RUN' && this.state === 'PAUSED') this.#move('LET_GO_ON');
    if (this.#isHeld()) return LONG_MS;
    if (this.state === 'PAUSED' || this.state === 'FAILED') return LONG_MS;
    if (wait > 0) return wait;
    return this.#work();
  }

  async #work(): Promise<number> {
    const { runtime } = this.parts;
    const work = this.#opened ?? (await this.#open());
    const feed = this.#feed ?? this.#follow(work);
    if (feed.failure !== undefined) {
      const { failure } = feed;
      // Of what was only read ahead nothing is missed: from where it stands it may go on, or is refused there.
      const readAhead =
        failure instanceof LogEpochChangedError && failure.position > (work.position?.position ?? 0n);
      if (!readAhead) throw failure;
      await this.#standStill();
      return 0;
    }
    this.#metrics.received = this.#metrics.received + feed.received;
    feed.received = 0;
    if (this.#aggregatesChanged) {
      this.#aggregatesChanged = false;
      await work.aggregatesChanged?.(this.signal);
    }
    if (runtime.monotonic() >= this.#tickAt) {
      this.#tickAt = runtime.monotonic() + TICK_MS;
      await work.tick?.(this.signal);
      if (feed.trouble !== undefined) this.changed();
    }
    const worked = await this.handleSome(work, this.#hold?.target);
    if (!this.live && feed.nearHead && this.mayGoOn && runtime.monotonic() >= this.#swapNotBefore) {
      this.#swapNotBefore = runtime.monotonic() + SWAP_MS;
      if (await swapIn(this, work)) {
        this.live = true;
        this.comparison = undefined;
        this.parts.onPromoted();
        return 0;
      }
    }
    if (worked) return 0;
    return feed.empty ? Math.max(1, this.#tickAt - runtime.monotonic()) : 0;
  }

  async #open(): Promise<GenerationWork> {
    const { work, lease } = this.parts;
    const opened = await work.open({ ...lease, live: this.live }, this.signal);
    this.#opened = opened;
    this.position = opened.position;
    this.#failing.clear();
    this.#move('OPENED');
    this.changed();
    return opened;
  }

  /** What cannot be opened has nothing that could be deleted, as far as is known here. */
  async #openToDelete({ deleteEmitted }: ProjectionOrders): Promise<void> {
    try {
      await (await this.#open()).delete({ deleteEmitted }, this.signal);
    } catch (error) {
      if (!(error instanceof ProjectionConflictError)) throw error;
    }
  }

  #follow(work: GenerationWork): Feed {
    const { eventStore, runtime, work: rule } = this.parts;
    const { position } = work;
    this.position = position;
    const feed = new Feed({
      eventStore,
      runtime,
      selection: rule.selection,
      start: position ? { kind: 'AFTER', after: position } : (rule.start ?? { kind: 'BEGINNING' }),
      onNews: () => this.#wake.wake(),
    });
    this.#feed = feed;
    return feed;
  }

  #ordered(orders: ProjectionOrders): void {
    this.orders = orders;
    if (orders.aggregatesChanged) this.#aggregatesChanged = true;
    if (orders.acquire) this.parts.onAcquire();
    this.#wake.wake();
  }

  async #beginAgain(orders: ProjectionOrders): Promise<void> {
    const resumed = this.#resumed !== undefined && orders.resumed > this.#resumed;
    this.#resumed = orders.resumed;
    const reset = orders.resetWanted > this.#resetDone;
    if (resumed && !reset && this.state === 'FAILED') this.#begunAgain();
    if (!reset || (this.state === 'RETRYING' && this.#failing.wait > 0)) return;
    const work = this.#opened ?? (await this.#open());
    await this.#standStill();
    const { resetWanted: resetNumber, deleteEmitted } = orders;
    await work.reset({ resetNumber, deleteEmitted }, this.signal);
    this.#resetDone = resetNumber;
    this.position = work.position;
    this.#begunAgain();
  }

  #begunAgain(): void {
    this.#move('BEGUN_AGAIN');
    this.#failing.clear();
    this.changed();
  }

  #isHeld(): boolean {
    const hold = this.#hold;
    if (hold === undefined) return false;
    if (hold.released) {
      this.#hold = undefined;
      return false;
    }
    const here = this.position?.position ?? 0n;
    if (this.state !== 'RUNNING' || (here >= hold.target && this.#handling.empty)) hold.arrive(here);
    return hold.arrived;
  }

  #movedOn(position: LogPosition): void {
    this.position = position;
    this.#failing.clear();
    this.#move('MOVED_ON');
    if (this.parts.work.kind === 'READ_MODEL') this.#held.changed();
    this.parts.onChanged();
  }

  #failed(failed: FailedEvent, afterMs?: number): void {
    this.#failing.atEvent(failed, afterMs);
    this.#stopped(failed.error, afterMs);
  }

  /** Something other than a handler has failed: it is asked again, unless that cannot help. */
  async #storeFailed(error: unknown): Promise<void> {
    const afterMs = this.#failing.elsewhere(error, this.position?.position ?? 0n);
    this.#stopped(error, afterMs);
    // What was thought to be lost may be kept, or another has moved the position.
    const moved = this.#opened !== undefined && this.#opened.position?.position !== this.position?.position;
    if (moved || afterMs === undefined) await this.#standStill();
  }

  #stopped(error: unknown, afterMs: number | undefined): void {
    this.#metrics.failures += 1;
    const { position } = this.failure ?? { position: 0n };
    this.parts.logger.warn('A projection failed', { ...this.#fields(error), position });
    this.#move(afterMs === undefined ? 'GAVE_UP' : 'TRY_AGAIN');
    this.changed();
  }

  /** What was read ahead is forgotten; it is read again from where the work stands. */
  async #standStill(): Promise<void> {
    this.#handling.clear();
    await this.#closeFeed();
    this.position = this.#opened ? this.#opened.position : this.position;
  }

  async #closeFeed(): Promise<void> {
    const feed = this.#feed;
    this.#feed = undefined;
    await feed?.close();
  }

  #report(): ProjectionReport {
    const { comparison, failure, metrics, parts, position, state } = this;
    return reportOf(parts.work.kind, {
      position,
      state,
      failure,
      trouble: this.#feed?.trouble,
      comparison,
      resetDone: this.#resetDone,
      metrics,
      now: parts.runtime.now(),
    });
  }

  #move(event: GenerationEvent): void {
    const before = this.state;
    this.state = nextState(before, event);
    if (this.state !== before) this.changed();
  }

  #fields(error: unknown): Record<string, string | bigint> {
    const { name, generation } = this.lease;
    return { projection: name, generation, error: textOf(error) };
  }
}
