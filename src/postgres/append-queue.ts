import { type CallOptions, endOf } from '../core/call-options.js';
import { OverloadedError } from '../core/errors.js';
import type { Runtime } from '../core/runtime.js';
import type { Verdict } from './append.js';
import type { PreparedAppend } from './prepared-append.js';
import { WrittenMarks } from './written-marks.js';

/** How much waits, and goes together. */
export interface AppendQueueOptions {
  /** @default 1000 */
  readonly groupEvents?: number;
  /** @default 4 MiB */
  readonly groupBytes?: number;
  /**
   * Requests that may wait for their turn.
   * @default 20000
   */
  readonly queueRequests?: number;
  /** @default 64 MiB */
  readonly queueBytes?: number;
  /**
   * Whether it makes no difference to a request when it is decided. Others are not held up by such: these have groups of their
   * own, in their order, within some milliseconds.
   */
  readonly mayWait?: (prepared: PreparedAppend) => boolean;
  readonly runtime: Pick<Runtime, 'monotonic'>;
}

/** A request that has no verdict yet. */
export interface Waiting {
  readonly prepared: PreparedAppend;
  readonly options: CallOptions;
  resolve(verdict: Verdict): void;
  reject(error: unknown): void;
}

/** For how many milliseconds requests that may wait are gathered; a group for each would be most of the work. */
const GATHER_MILLISECONDS = 5;
/** After so many they go with others, if those leave no time between. */
const WAIT_MILLISECONDS = 10;

/** Appends that wait for their turn, in order of arrival, and what of them goes together. */
export class AppendQueue {
  readonly #options: AppendQueueOptions;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #events = 0;
  #closed = false;
  /** Since when requests that may wait have done so. */
  #since: number | undefined;

  constructor(options: AppendQueueOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  get events(): number {
    return this.#events;
  }

  /** The error for who asks, if there is no room for another one. */
  overflow(bytes: number): OverloadedError | undefined {
    const { queueRequests = 20_000, queueBytes = 64 * 1024 * 1024 } = this.#options;
    const { length } = this.#waiting;
    if (length < queueRequests && this.#bytes + bytes <= queueBytes) return undefined;
    return new OverloadedError(`${length} appends wait already; try again later`, {
      limit: length >= queueRequests ? 'append_queue_requests' : 'append_queue_bytes',
      outcome: 'NOT_APPLIED',
    });
  }

  push(waiting: Waiting): void {
    this.#count(waiting, 1);
    this.#waiting.push(waiting);
  }

  /** Before all others, in their order. */
  putBack(group: readonly Waiting[]): void {
    for (const waiting of group) this.#count(waiting, 1);
    this.#waiting = [...group, ...this.#waiting];
  }

  /** From now on nothing may wait. */
  close(): void {
    this.#closed = true;
  }

  mayWait(prepared: PreparedAppend): boolean {
    return !this.#closed && (this.#options.mayWait?.(prepared) ?? false);
  }

  allMayWait(): boolean {
    return this.#waiting.every(({ prepared }) => this.mayWait(prepared));
  }

  /** Requests that may wait have done so for long enough, and go with the next group. */
  get isOverdue(): boolean {
    return this.#since !== undefined && !this.#waits();
  }

  /** For how many milliseconds more it is worth while to gather requests that may wait. */
  gathers(): number {
    return Math.max(0, GATHER_MILLISECONDS - this.#waited());
  }

  /**
   * Takes the longest run from the front that keeps within the budget, has no event id or command id twice, and no condition that
   * may be about events in front of it: those are checked against the table. What may wait is left where it is for some
   * milliseconds, if there is anything else; whose caller has gone is told so.
   */
  nextGroup(): readonly Waiting[] {
    const { groupEvents = 1000, groupBytes = 4 * 1024 * 1024 } = this.#options;
    const group: Waiting[] = [];
    const left: Waiting[] = [];
    const leaves = !this.allMayWait();
    const ids = new Set<string>();
    const written = new WrittenMarks();
    let events = 0;
    let bytes = 0;
    let seen = 0;
    for (const waiting of this.#waiting) {
      const { prepared, options } = waiting;
      const ended = endOf(options);
      if (ended !== undefined) {
        waiting.reject(ended);
      } else if (leaves && this.mayWait(prepared) && this.#waits()) {
        left.push(waiting);
        seen += 1;
        continue;
      } else {
        const full =
          group.length > 0 &&
          (events + prepared.events > groupEvents ||
            bytes + prepared.bytes > groupBytes ||
            group.length >= groupEvents);
        if (full || prepared.uniqueIds.some((id) => ids.has(id)) || written.mayBreak(prepared)) break;
        for (const id of prepared.uniqueIds) ids.add(id);
        written.add(prepared);
        events += prepared.events;
        bytes += prepared.bytes;
        group.push(waiting);
      }
      this.#count(waiting, -1);
      seen += 1;
    }
    if (left.length === 0) this.#since = undefined;
    const rest = seen === this.#waiting.length ? [] : this.#waiting.slice(seen);
    this.#waiting = left.length === 0 ? rest : [...left, ...rest];
    return group;
  }

  #count({ prepared }: Waiting, sign: 1 | -1): void {
    this.#bytes += sign * prepared.bytes;
    this.#events += sign * prepared.events;
  }

  #waits(): boolean {
    return this.#waited() < WAIT_MILLISECONDS;
  }

  /** For how many milliseconds requests that may wait have done so. */
  #waited(): number {
    const now = this.#options.runtime.monotonic();
    return now - (this.#since ??= now);
  }
}
