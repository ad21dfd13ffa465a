import { LeaseLostError, ProjectionNotFoundError } from '../core/follower-errors.js';
import type {
  ProjectionLease,
  ProjectionLeases,
  ProjectionOrders,
  ProjectionReport,
} from '../core/projections.js';
import type { Runtime } from '../core/runtime.js';
import { spreadDelay } from './runner-backoff.js';
import { Wake } from './runner-wake.js';

/** Reports about a moving position are sent at most so often, in milliseconds. */
const COALESCE_MS = 50;

export interface HeldLeaseParts {
  readonly leases: ProjectionLeases;
  readonly runtime: Runtime;
  readonly lease: ProjectionLease;
  readonly leaseMs: number;
  /** By the monotonic clock, before the lease was asked for. */
  readonly askedAt: number;
  /** What is to be said now. */
  report(): ProjectionReport;
  onOrders(orders: ProjectionOrders): void;
}

/**
 * A lease, renewed by a timer of its own also while a handler is busy. It counts as lost before it can be: a lease's time
 * begins for its holder before the report is sent, for the store when it arrives.
 */
export class HeldLease {
  readonly lease: ProjectionLease;
  readonly #parts: HeldLeaseParts;
  readonly #controller = new AbortController();
  readonly #wake: Wake;
  readonly #margin: number;
  #validUntil: number;
  #changed = false;
  #keeping: Promise<unknown> = Promise.resolve();

  constructor(parts: HeldLeaseParts) {
    this.#parts = parts;
    this.lease = parts.lease;
    this.#wake = new Wake(parts.runtime);
    this.#margin = parts.leaseMs / 20;
    this.#validUntil = parts.askedAt + parts.leaseMs - this.#margin;
  }

  /** Aborted with `LeaseLostError` when it is lost, or may be. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins to renew; the first report goes out at once and brings the first orders. */
  start(): void {
    this.#changed = true;
    this.#keeping = Promise.all([this.#renew(), this.#watch()]);
  }

  /** There is news to be reported soon. */
  changed(): void {
    if (this.#changed) return;
    this.#changed = true;
    this.#wake.wake();
  }

  lose(reason: Error): void {
    this.#controller.abort(reason);
  }

  /** Lets it go: reports what is new, and renews no more. */
  async close(): Promise<void> {
    const held = !this.signal.aborted;
    this.lose(new LeaseLostError(this.lease.name, this.lease.fence));
    await this.#keeping;
    if (held && this.#changed)
      await this.#parts.leases
        .report(this.lease, this.#parts.report(), { timeoutMilliseconds: 2_000 })
        .catch(() => undefined);
  }

  async #renew(): Promise<void> {
    const { leases, runtime, leaseMs } = this.#parts;
    let failures = 0;
    try {
      for (;;) {
        const sentAt = runtime.monotonic();
        this.#changed = false;
        try {
          const orders = await leases.report(this.lease, this.#parts.report(), {
            signal: this.signal,
            timeoutMilliseconds: Math.max(1_000, leaseMs / 3),
          });
          this.#validUntil = sentAt + leaseMs - this.#margin;
          failures = 0;
          this.#parts.onOrders(orders);
        } catch (error) {
          if (error instanceof LeaseLostError || error instanceof ProjectionNotFoundError)
            return this.lose(error);
          this.signal.throwIfAborted();
          this.#changed = true;
          failures += 1;
          await runtime.sleep(spreadDelay(failures, runtime, leaseMs / 10), this.signal);
          continue;
        }
        const renewAt = sentAt + leaseMs / 3;
        await runtime.sleep(COALESCE_MS, this.signal);
        if (!this.#changed) await this.#wake.sleep(renewAt - runtime.monotonic(), this.signal);
      }
    } catch (error) {
      if (!this.signal.aborted) this.lose(error as Error);
    }
  }

  async #watch(): Promise<void> {
    const { runtime, lease } = this.#parts;
    try {
      for (;;) {
        const rest = this.#validUntil - runtime.monotonic();
        if (rest <= 0) return this.lose(new LeaseLostError(lease.name, lease.fence));
        await runtime.sleep(rest, this.signal);
      }
    } catch {
      // It was let go.
    }
  }
}
